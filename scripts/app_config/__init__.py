"""librechat.yaml: made fit for this deployment, compared with the bucket, uploaded, picked up.

`prepare` and what it is made of are functions over text; `ConfigObject` is the file in the bucket and
`RunningFunction` the function that reads it. The order of a command is in `scripts.pipeline.config`.
"""

from scripts.app_config.bucket import ConfigObject, Stored
from scripts.app_config.difference import ConfigDiff, compare
from scripts.app_config.function import RunningFunction
from scripts.app_config.outcomes import ConfigPushed, ConfigShown
from scripts.app_config.preparation import AppConfig, known_variables, prepare, replace_domain
from scripts.app_config.secrets_in_clear import find_secrets, mask
from scripts.app_config.source import find_file, is_unpushed, read_file
from scripts.app_config.validation import validate
from scripts.app_config.version import version_to_deploy

__all__ = [
    "AppConfig",
    "ConfigDiff",
    "ConfigObject",
    "ConfigPushed",
    "ConfigShown",
    "RunningFunction",
    "Stored",
    "compare",
    "find_file",
    "find_secrets",
    "is_unpushed",
    "known_variables",
    "mask",
    "prepare",
    "read_file",
    "replace_domain",
    "validate",
    "version_to_deploy",
]
