"""What a role's README, defaults and argument specification say of its variables is the same."""

import re
from pathlib import Path

import pytest
import yaml

from gocron.config import OPTIONS

ROLES = Path(__file__).parents[2] / "ansible/roles"

# A database is told by its URL, and folders are where contrib/ has them.
NOT_VARIABLES = {
    "dbfqdn", "dbport", "dbuser", "dbpass", "dbdatabase", "status_dir", "reports_dir",
    "journal",
}  # fmt: skip


def defaults(role: str) -> dict[str, object]:
    return yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())


def specified(role: str) -> dict[str, dict]:
    spec = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())
    return spec["argument_specs"]["main"]["options"]


def table(role: str) -> dict[str, tuple[str, str]]:
    """The rows of the README's tables: what a variable's default is, and what it says."""
    rows = re.findall(
        r"(?m)^\| (`.+?`) \| (.*?) \| (.*) \|$", (ROLES / role / "README.md").read_text()
    )
    return {
        name: (default.strip("`"), said)
        for names, default, said in rows
        for name in re.findall(r"`(\w+)`", names)
    }


@pytest.fixture(params=sorted(path.name for path in ROLES.iterdir()))
def role(request: pytest.FixtureRequest) -> str:
    return request.param


def test_defaults_specification_and_readme_name_the_same_variables_in_the_same_order(
    role: str,
) -> None:
    documented = [name for name in table(role) if name.startswith(role)]
    assert list(defaults(role)) == list(specified(role)) == documented
    assert all(re.match(rf"{role}_\w", name) for name in documented)


def test_they_tell_the_same_defaults(role: str) -> None:
    for name, value in defaults(role).items():
        told = specified(role)[name]
        if "{{" in str(value):
            assert "default" not in told, name
            assert table(role)[name][0] == "see right", name
            assert "default:" in table(role)[name][1], name
        else:
            assert told["default"] == value, name
            assert yaml.safe_load(table(role)[name][0]) == value, name


def test_the_readme_tells_each_choice(role: str) -> None:
    for name, told in specified(role).items():
        for choice in told.get("choices", ()):
            assert f"`{choice}`" in table(role)[name][1], (name, choice)


def test_the_readme_tells_each_key_of_a_job() -> None:
    keys = specified("gocron_job")["gocron_job_jobs"]["options"]
    documented = [name for name in table("gocron_job") if not name.startswith("gocron_")]
    assert set(keys) == set(documented)
    for name, told in keys.items():
        if "default" in told:
            assert table("gocron_job")[name][0] == str(told["default"]).lower(), name


def test_each_option_of_the_configuration_is_a_variable_with_the_same_default() -> None:
    told = defaults("gocron")
    for option in OPTIONS:
        if option.name in NOT_VARIABLES:
            continue
        name = f"gocron_{option.name}"
        assert name in told, f"the role lacks a variable for {option.name}"
        if told[name] not in ("", []) and "{{" not in str(told[name]):
            assert str(told[name]).lower() == option.default, name


def test_what_is_secret_is_shown_by_no_log(role: str) -> None:
    secret = {f"gocron_{option.name}" for option in OPTIONS if option.secret}
    hidden = {name for name, told in specified(role).items() if told.get("no_log")}
    assert hidden == secret & set(specified(role))


def test_the_configuration_holds_each_variable_that_is_an_option() -> None:
    private = yaml.safe_load((ROLES / "gocron/vars/main.yml").read_text())
    written = {**private["__gocron_secrets"], **private["__gocron_options"]}
    names = {option.name for option in OPTIONS} - NOT_VARIABLES
    assert set(written) == names
    for name, value in written.items():
        assert re.match(rf"{{{{ gocron_{name}( \| join\(', '\))? }}}}$", value), name
    secret = {option.name for option in OPTIONS if option.secret} - NOT_VARIABLES
    assert set(private["__gocron_secrets"]) == secret
