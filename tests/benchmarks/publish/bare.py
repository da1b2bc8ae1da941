"""``python bare.py DIST BUCKET``: PUT every file, signed, and nothing else. No listing, no order, no retry.

What is left when a publisher does no work of its own: the limit that the server and the wire set.
"""

from __future__ import annotations

import http.client
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

_CONNECTIONS = 32


def main() -> None:
    """Send all files."""
    dist, bucket = Path(sys.argv[1]), sys.argv[2]
    address = f"{os.environ['AWS_ENDPOINT_URL']}/{bucket}"
    credentials = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    signer = S3SigV4Auth(credentials, "s3", os.environ["AWS_REGION"])
    own = threading.local()

    def put(path: Path) -> None:
        body = path.read_bytes()
        request = AWSRequest("PUT", f"{address}/{quote(path.relative_to(dist).as_posix())}", data=body)
        signer.add_auth(request)
        if not hasattr(own, "connection"):
            own.connection = http.client.HTTPConnection(urlsplit(address).netloc)
        own.connection.request("PUT", urlsplit(request.url).path, body, dict(request.headers.items()))
        answer = own.connection.getresponse()
        answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{path}: {answer.status}")

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(put, (path for path in dist.rglob("*") if path.is_file())))


if __name__ == "__main__":
    main()
