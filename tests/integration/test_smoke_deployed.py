"""What smoke reads of the account, asked of the embedded AWS."""

from __future__ import annotations

import pytest

from scripts.smoke.deployed import read
from tests.integration.conftest import Emulator
from tests.integration.edge_stack import deployed

pytestmark = pytest.mark.integration


def test_the_embedded_aws_tells_what_is_deployed(emulator: Emulator) -> None:
    with deployed(emulator) as stack:
        outputs = {
            "cloudfront_distribution_id": stack.distribution_id,
            "api_id": stack.api_id,
            "api_stage": "default",
            "function_name": stack.name,
        }
        told = read(emulator.aws, outputs)
        missing = read(emulator.aws, outputs | {"function_name": "nobody", "api_id": "nothing"})
    assert (told.endpoint_type, told.transfer_mode, told.integration_timeout) == ("REGIONAL", "STREAM", 900)
    assert told.compress is False
    assert told.origin_read_timeout and told.function_timeout and told.memory_mb and told.api_deployment
    assert not told.unknown
    assert missing.unknown == {"api": "NotFoundException", "function": "ResourceNotFoundException"}
    assert missing.distribution_id == stack.distribution_id and missing.origin_read_timeout is None
