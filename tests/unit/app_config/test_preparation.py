"""librechat.yaml: the domain it is for, and what LibreChat would make of it."""

from __future__ import annotations

import re
import traceback

import pytest

from scripts import app_config
from scripts.app_config.document import parse
from scripts.app_config.preparation import FUNCTION_VARIABLES
from scripts.errors import DeployError, ExitStatus
from scripts.local.seed import librechat_config
from scripts.settings import PROJECT_ROOT, Settings

OLD_DOMAIN = "genai.sandbox.data.apro.is"
DOMAIN = "lambda-test.sandbox.data.apro.is"


def remarks(text: str, *variables: str) -> str:
    """The remarks about a file of which only a part is given."""
    prepared = app_config.prepare(
        f"version: 1.2.8\nfileStrategy: s3\n{text}", DOMAIN, replaced_domain=OLD_DOMAIN, variables=variables
    )
    return "\n".join(prepared.remarks)


def refusal(text: str) -> str:
    """Why a file is refused of which only a part is given."""
    with pytest.raises(DeployError, match=r"librechat\.yaml is not valid") as failure:
        app_config.validate(f"version: 1.2.8\n{text}")
    assert failure.value.status is ExitStatus.PREFLIGHT_FAILED
    return failure.value.why


# --- Domain -------------------------------------------------------------------------------------------


def test_every_old_domain_is_replaced_even_in_comments_and_in_any_case() -> None:
    text = (
        'version: "1.2.8"\n'
        "# served at genai.sandbox.data.apro.is\n"
        "interface:\n"
        "  termsOfService: https://genai.sandbox.data.apro.is/terms\n"
        "  privacyPolicy: https://GenAI.sandbox.data.apro.is/privacy\n"
    )

    config = app_config.prepare(text, DOMAIN, replaced_domain=OLD_DOMAIN)

    assert "genai.sandbox" not in config.text.lower()
    assert config.text.count(DOMAIN) == 3
    assert (config.version, config.replacements) == ("1.2.8", 3)


def test_a_name_that_only_looks_alike_is_left_alone() -> None:
    text = "genai-sandbox-data.apro.is and other.sandbox.data.apro.is"

    assert app_config.replace_domain(text, OLD_DOMAIN, DOMAIN) == (text, 0)


def test_a_domain_is_taken_literally_in_the_replacement() -> None:
    assert app_config.replace_domain("a.example", "a.example", r"\1.example")[0] == r"\1.example"


# --- What LibreChat refuses -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("# nothing but a comment\n", "it is empty"),
        ("- a\n- b\n", "not a mapping"),
        ("cache: true\n", "`version`"),
        ("version: 1.2\n", "`version`"),
        ("version: 1\ncache: [\n", "line 3, column 1"),
        ("version: \x00\n", "not YAML"),
        ("a: " + "[" * 3000, "not YAML that can be read"),
    ],
)
def test_a_file_that_librechat_could_not_read_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(DeployError, match=r"librechat\.yaml is not valid") as failure:
        app_config.validate(text)

    assert reason in failure.value.why


@pytest.mark.parametrize("value", ["hunter2: [", "*hunter2", "!hunter2 x", '"hunter2', "@hunter2"])
def test_a_fault_is_named_without_the_secret_beside_it_even_in_a_traceback(value: str) -> None:
    with pytest.raises(DeployError) as failure:
        app_config.validate(f'version: "1.2.8"\napiKey: {value}\n')

    assert "line " in failure.value.why
    assert "hunter2" not in "".join(traceback.format_exception(failure.value))


def test_a_key_that_is_given_twice_is_refused_as_by_librechats_own_parser() -> None:
    assert refusal("cache: true\ncache: false\n") == "line 3: `cache` is there already, in line 2"
    assert "line 5: `name`" in refusal("endpoints:\n  custom:\n    - name: a\n      name: b\n")


def test_anchors_aliases_and_merge_keys_are_fine() -> None:
    text = (
        "version: 1.2.8\n"
        "rateLimits:\n"
        "  tts: &limit {ipMax: 1}\n"
        "  stt: *limit\n"
        "  fileUploads: {<<: *limit, userMax: 2}\n"
    )
    assert app_config.validate(text) == "1.2.8"


def test_aliases_that_multiply_without_end_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "values or more" in refusal("\n".join(lines))


def test_an_alias_to_its_own_mapping_is_read_once() -> None:
    assert len(parse("a: &a {b: *a, c: 1}\n").scalars) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("endpoints:\n", "`endpoints` must be a mapping, or be left out"),
        ("endpoints: {}\n", "`endpoints` needs at least one endpoint"),
        ("endpoints: {custom: {name: a}}\n", "`endpoints.custom` must be a list"),
        ("endpoints: {custom: [{name: openAI}]}\n", "built-in endpoint"),
        ("cache: 1\n", "`cache` must be true or false"),
        ("includedTools: dalle\n", "`includedTools` must be a list"),
        ("imageOutputType: PNG\n", "one of jpeg, png, webp"),
        ("modelSpecs: {enforce: true}\n", "`modelSpecs` needs `list`"),
        ("mcpServers: {a: {command: npx}}\n", "`mcpServers.a` needs `url`, or `command` and `args`"),
    ],
)
def test_what_the_schema_of_librechat_insists_on_is_checked(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_all_faults_are_named_at_once() -> None:
    assert len(refusal("cache: 1\nendpoints:\nimageOutputType: gif\n").splitlines()) == 3


# --- What it takes otherwise than it looks --------------------------------------------------------------


def test_an_unknown_key_is_remarked_and_not_refused() -> None:
    text = remarks("fromTheFuture: 1\nendpoints: {newProvider: {titleConvo: true}}\n")
    assert "`fromTheFuture` is not a key" in text
    assert "`endpoints.newProvider` is not a key" in text


def test_a_custom_endpoint_that_librechat_would_leave_out_is_remarked() -> None:
    assert "`endpoints.custom[0]` has no `apiKey`, `models`" in remarks(
        "endpoints: {custom: [{name: a, baseURL: https://a.example}]}\n"
    )


def test_a_reference_to_a_variable_that_the_function_lacks_is_remarked_with_its_line() -> None:
    text = "ocr:\n  apiKey: ${OCR_KEY}\n  baseURL: https://${OCR_HOST}/v1\n  # ${IN_A_COMMENT}\n"
    found = remarks(text, "OCR_HOST").splitlines()
    assert len(found) == 1
    assert "${OCR_KEY} (line 4) is no variable of the function" in found[0]


def test_a_secret_that_was_put_where_a_name_belongs_is_not_repeated() -> None:
    assert "4f3a9b" not in remarks("ocr: {apiKey: '${sk-proj-4f3a9b8c7d6e5f4a3b2c}'}\n")


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("cache: true\n", "avatar, image, document"),
        ("fileStrategy: local\n", "avatar, image, document"),
        ("fileStrategies: {default: s3, avatar: local}\n", "avatar"),
        ("fileStrategy: s3\nfileStrategies: {image: local}\n", "image"),
        ("fileStrategies: {image: s3, document: s3}\n", "avatar"),
    ],
)
def test_uploads_that_would_stay_in_an_environment_are_remarked(text: str, lost: str) -> None:
    found = app_config.prepare(
        f"version: 1.2.8\n{text}", DOMAIN, replaced_domain=OLD_DOMAIN, variables=()
    ).remarks
    assert any(remark.startswith(f"Uploads ({lost}) ") for remark in found), found


@pytest.mark.parametrize(
    "text",
    ["fileStrategy: s3\n", "fileStrategies: {default: s3}\n", "fileStrategy: firebase\n"],
)
def test_uploads_that_go_elsewhere_are_not_remarked(text: str) -> None:
    prepared = app_config.prepare(f"version: 1.2.8\n{text}", DOMAIN, replaced_domain=OLD_DOMAIN, variables=())
    assert prepared.remarks == ()


def test_the_seeded_file_is_beyond_reproach(default_settings: Settings) -> None:
    known = app_config.known_variables(default_settings.tfvars)
    config = app_config.prepare(librechat_config(DOMAIN), DOMAIN, replaced_domain=OLD_DOMAIN, variables=known)
    assert (config.remarks, config.secrets, config.replacements) == ((), (), 0)


def test_the_functions_own_variables_are_those_that_terraform_sets() -> None:
    module = (PROJECT_ROOT / "infrastructure/terraform/modules/backend/main.tf").read_text()
    block = re.search(r"environment_variables = merge\((.*?)\n  \)", module, re.DOTALL)
    assert block
    set_by_terraform = set(re.findall(r"\b([A-Z][A-Z0-9_]+)\s+= ", block[1]))
    assert {*FUNCTION_VARIABLES} == set_by_terraform | {"AWS_REGION"}
