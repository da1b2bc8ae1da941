"""Variables that a deploy has in its environment, and no build may see."""

SECRETS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "DOCKER_PASSWORD",
    "CI_JOB_TOKEN",
    "SMOKE_CHAT_PASSWORD",
    "TF_VAR_ssm_parameters",
    "TF_TOKEN_app_terraform_io",
    "INVOKE_SMOKE_CHAT_USER",
    "A_VARIABLE_THAT_NOBODY_KNOWS",
)
