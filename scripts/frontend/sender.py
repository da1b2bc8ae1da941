"""Sends small files to S3 with less work for each than `put_object` takes, and nothing else.

boto3 spends 2.4 ms of one CPU on a request, most of it on what is the same for every file: the endpoint's
rules, the shape of the parameters, a checksum beside the one that the manifest has. On five thousand files
that decides, and not the network. Here botocore's own signer and HTTP session get the finished request,
which costs 1.1 ms. It also goes without ``Expect: 100-continue``, so a file is one round trip
and not two.

This is a short cut and no second client: whatever is not a plain answer goes through `put_object`, which
repeats, waits, follows redirects and explains.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies

_EVENT = "s3.PutObject"


class Sender:
    """The short cut of one bucket. Safe to share between threads.

    Args:
        s3: The boto3 client that signs, and whose settings hold.
        bucket: Its name.
    """

    def __init__(self, s3: Any, bucket: str) -> None:
        # The form with the bucket in the path is right for every bucket name and endpoint.
        self._address = f"{s3.meta.endpoint_url.rstrip('/')}/{bucket}/"
        self._config = s3.meta.config
        self._events = s3.meta.events
        self._answered = False
        self._reachable = True
        self._session = URLLib3Session(
            verify=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True,
            proxies=self._config.proxies or get_environ_proxies(self._address),
            timeout=(self._config.connect_timeout, self._config.read_timeout),
            max_pool_connections=self._config.max_pool_connections,
            # Head and body go out one after the other; Nagle's algorithm would hold the body back.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        )

    def put(self, key: str, body: bytes, headers: Mapping[str, str]) -> str:
        """Try to write an object. Returns its ETag, or nothing when boto3 has to see to it.

        Args:
            key: Its key.
            body: Its content.
            headers: As HTTP has them; Content-MD5 among them, by which S3 refuses a damaged body.
        """
        if not self._reachable:
            return ""
        request = AWSRequest("PUT", self._address + quote(key), headers=dict(headers), data=body)
        # What botocore's signer wants to know. Over TLS, Content-MD5 makes a hash of the body needless.
        request.context.update(client_config=self._config, has_streaming_input=True)
        # As botocore does for its own requests: the first event signs, the second is for who listens.
        self._events.emit(f"request-created.{_EVENT}", request=request, operation_name="PutObject")
        prepared = request.prepare()
        try:
            answer = self._events.emit_until_response(f"before-send.{_EVENT}", request=prepared)[1]
            answer = answer or self._session.send(prepared)
        except BotoCoreError:
            # From the beginning: a proxy or a certificate that only boto3's configuration knows of.
            self._reachable = self._answered
            return ""
        self._answered = True
        return str(answer.headers.get("ETag", "")).strip('"') if answer.status_code == HTTPStatus.OK else ""
