"""The configuration: the original's file as it is, variables that win, all problems at once."""

import ipaddress
import re
from pathlib import Path
from typing import get_origin, get_type_hints

import pytest
import yaml
from playhouse import db_url

from gocron.commands.config import example
from gocron.config import OPTIONS, Config, Option, load_config
from gocron.errors import ConfigError
from gocron.sweep.world import knock_url

ORIGINAL = """\
dbfqdn: db.example.com
dbport: 5433
dbuser: cron
dbpass: s3cret
dbdatabase: jobs
smtpserver: smtp.example.com
smtpport: 587
smtpaddress: gocron@example.com
smtppassword: hush
interval: 300
slackHookUrl: https://hooks.slack.com/services/T/B/X
slackChannel: "#alerts"
preferSlack: true
"""
SECRETS = {
    "database_url": "postgresql://u:TOPSECRET@[bad/name",
    "dbpass": "TOPSECRET",
    "smtppassword": "TOPSECRET",
    "slack_hook_url": "hooks.slack.com/TOPSECRET",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.yml"


def load(file: Path, text: str, **environment: str) -> Config:
    file.write_text(text, "utf-8")
    return load_config(file, environment)


def problem(file: Path, text: str, **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(file, text, **environment)
    assert str(caught.value).isprintable(), "one line"
    return str(caught.value)


@pytest.mark.parametrize(
    ("told", "listen_host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("localhost", "localhost", "127.0.0.1"),
        ("gocron.example.com", "gocron.example.com", "gocron.example.com"),
        ("'[::1]'", "::1", "[::1]"),
        ("'::1'", "::1", "[::1]"),
        ("'::'", "::", "[::1]"),
        ("'[::]'", "::", "[::1]"),
        ("'*'", "0.0.0.0", "127.0.0.1"),
        ("''", "0.0.0.0", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
    ],
)
def test_where_to_listen_may_be_written_as_in_other_programs(
    file: Path, told: str, listen_host: str, reached: str
) -> None:
    config = load(file, f"listen_host: {told}\n")
    assert config.listen_host == listen_host
    assert knock_url(config) == f"http://{reached}:8080/"


@pytest.mark.parametrize("told", ["'[::1'", "'[::1]:8080'", "'127.0.0.1:8080'", "'a b'"])
def test_where_nobody_can_listen_is_refused(file: Path, told: str) -> None:
    assert "listen_host" in problem(file, f"listen_host: {told}\n")


def test_the_file_of_the_original_works_as_it_is(file: Path) -> None:
    config = load(file, ORIGINAL)
    assert config.database_url == "postgresql://cron:s3cret@db.example.com:5433/jobs"
    assert (config.smtpserver, config.smtpport) == ("smtp.example.com", 587)
    assert (config.smtpaddress, config.smtppassword) == ("gocron@example.com", "hush")
    assert config.mail_from == "gocron@example.com"
    assert config.interval == 300
    assert config.slack_hook_url == "https://hooks.slack.com/services/T/B/X"
    assert config.slack_channel == "#alerts"
    assert config.prefer_slack


def test_the_variables_of_the_original_win_over_the_file(file: Path) -> None:
    config = load(
        file, ORIGINAL, GC_DBFQDN="other", GC_PREFERSLACK="false", GC_INTERVAL="5m", GC_DBPASS=""
    )
    assert config.database_url == "postgresql://cron@other:5433/jobs"
    assert not config.prefer_slack
    assert config.interval == 300


@pytest.mark.parametrize("key", ["status_dir", "STATUS_DIR", "statusDir", "Status-Dir"])
def test_keys_are_matched_without_regard_to_case_and_underscores(file: Path, key: str) -> None:
    assert load(file, f"{key}: /srv/page\n").status_dir == "/srv/page"
    assert load(file, "", **{f"GC_{key}": "/srv/page"}).status_dir == "/srv/page"


def test_every_option_can_come_from_the_environment_alone(file: Path) -> None:
    config = load(file, "", GC_DATABASE_URL="sqlite:////tmp/x.db", GC_LISTEN_PORT="9090")
    assert (config.database_url, config.listen_port) == ("sqlite:////tmp/x.db", 9090)


def test_the_file_is_the_named_one_then_the_variables_one(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.yml"
    other.write_text("interval: 120\n")
    file.write_text("interval: 180\n")
    assert load_config(None, {"GOCRON_CONFIG": str(other)}).interval == 120
    assert load_config(file, {"GOCRON_CONFIG": str(other)}).interval == 180


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    for named, environment in (
        (tmp_path / "none.yml", {}),
        (None, {"GOCRON_CONFIG": str(tmp_path / "none.yml")}),
    ):
        with pytest.raises(ConfigError, match=r"none\.yml: no such file"):
            load_config(named, environment)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read"):
        load_config(tmp_path, {})


def test_an_empty_file_means_the_defaults(file: Path) -> None:
    config = load(file, "# nothing\n")
    assert config.database_url == "sqlite:////var/lib/gocron/gocron.db"
    assert (config.listen_host, config.listen_port) == ("0.0.0.0", 8080)
    assert (
        config.trusted_proxies
        == config.api_allow
        == (
            ipaddress.ip_network("127.0.0.0/8"),
            ipaddress.ip_network("::1"),
        )
    )
    assert config.notify_recovery
    assert not config.prefer_slack


def test_the_example_names_every_option_and_loads_back_to_the_defaults(file: Path) -> None:
    told = re.sub(r"^#(\w+:)", r"\1", example(), flags=re.MULTILINE)
    assert list(yaml.safe_load(told)) == [option.name for option in OPTIONS]
    assert load(file, told) == load(file, example()) == load(file, "")


def test_an_option_is_declared_with_the_type_that_its_text_is_read_as() -> None:
    types = get_type_hints(Config)
    for option in OPTIONS:
        is_of = get_origin(types[option.name]) or types[option.name]
        assert type(option.read(option.default)) is is_of, option.name


def test_an_unknown_key_is_told_with_the_nearest_known_name(file: Path) -> None:
    assert "smtpsever: unknown key, did you mean smtpserver?" in problem(file, "smtpsever: x\n")
    assert "quux: unknown key;" in problem(file, "quux: x\n")


def test_a_misspelt_variable_is_told_and_one_of_another_program_is_not(file: Path) -> None:
    assert "did you mean smtpserver?" in problem(file, "", GC_SMTPSEVER="x")
    load(file, "", GC_NPROCS="4")


def test_a_variable_in_two_spellings_is_told(file: Path) -> None:
    file.write_text("")
    environment = {"GC_SMTP_PORT": "25", "GC_SMTPPORT": "587"}
    with pytest.raises(ConfigError, match="GC_SMTPPORT: given twice, as GC_SMTP_PORT too"):
        load_config(file, environment)
    assert load_config(file, {"GC_SMTPPORT": "587"}).smtpport == 587


def test_all_problems_are_told_together(file: Path) -> None:
    said = problem(
        file,
        "listen_port: 99999\nquux: 1\ninterval: soon\ntrusted_proxies: here\n",
        GC_PREFER_SLACK="maybe",
    )
    for part in ("listen_port:", "quux:", "interval:", "trusted_proxies:", "prefer_slack:"):
        assert part in said
    assert said.startswith(str(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("listen_port: 0", "want a port"),
        ("listen_port: 8080x", "want a port"),
        ("smtpport: -25", "want a port"),
        ("interval: 0", "want seconds"),
        ("interval: 2d", "want seconds"),
        ("smtp_timeout: 26", "want 1 to 25 seconds"),
        ("smtp_security: ssl", "want one of auto, none, starttls, tls"),
        ("api_allow: 10.0.0.0/99", "want addresses or networks"),
        ("mail_from: nobody", "want a mail address"),
        ("public_url: gocron.example.com", "want a URL"),
        ("watchdog_url: http://hc.example.com/ping secret", "without spaces"),
        ("public_url: 'http://[bad'", "public_url:"),
        ("database_url: mysql://h/d", "want sqlite:"),
        ("database_url: 'sqlite:///'", "with a file"),
        ("database_url: sqlite:///gocron.db", "four slashes"),
        ("database_url: sqlite:relative.db", "with a file"),
        ("database_url: 'postgresql://host'", "database_url: want"),
        ("database_url: 'postgresql://u:a#b@host/name'", "%23"),
        ("database_url: 'postgresql://u:p@host:port/name'", "database_url: want"),
        ("dbfqdn: 'host:5433'", "dbfqdn: want a host"),
        ("dbfqdn: 'user@host'", "dbfqdn: want a host"),
        ("smtpserver: 'host:25'", "smtpserver: want a host"),
        ("smtpserver: a..b", "smtpserver: want a host"),
        (f"smtpserver: {'x' * 64}.org", "smtpserver: want a host"),
        ("notify_recovery: perhaps", "want true or false"),
        ("interval: {a: 1}", "interval: want a single value"),
        ("interval: 60\nINTERVAL: 70", "INTERVAL: given twice, as interval too"),
        ("interval: 60\ninterval: 60", "interval: given twice"),
        ("listen_port: 80\n# more\nlisten-port: 81", "listen-port: given twice"),
        ('"interval": 60\n? interval\n: 70', "interval: given twice"),
        ("{interval: 60, interval: 70}", "interval: given twice"),
        ("!!merge <<: {interval: 60}\ninterval: 70", "interval: given twice"),
        ("!!merge <<: [{interval: 60}, {Interval: 70}]", "given twice"),
        ("trusted_proxies: []\ntrusted_proxies: []", "trusted_proxies: given twice"),
        ("interval: {a: 1}\ninterval: 70", "interval: given twice"),
        ("a: " + "[" * 5000, "nested too deeply"),
        ("smtppassword: x", "smtpaddress: needed with smtppassword"),
        ("prefer_slack: true", "slack_hook_url: needed with prefer_slack"),
        ("just words", "holds no `key: value` lines"),
        ("- a\n- b", "holds no `key: value` lines"),
        ('"a\\nb\\0": 1', "unknown key"),
    ],
)
def test_a_bad_value_is_told_with_what_would_be_right(file: Path, text: str, said: str) -> None:
    assert said in problem(file, text + "\n")


PATHS = ("status_dir", "journal", "reports_dir")

# What ends a value, or the line that it stands in, for nginx, sed, a shell or cron.
BREAKING = [*"\n\r\t\0\x1b\x7f\x85\u2028 \"'`;{}$|&\\<>#"]


@pytest.mark.parametrize("char", BREAKING, ids=ascii)
@pytest.mark.parametrize("name", [*PATHS, "public_url"])
def test_no_option_breaks_the_file_that_it_is_written_into(
    file: Path, name: str, char: str
) -> None:
    start = "http://gocron.example.com" if name == "public_url" else ""
    text = yaml.safe_dump({name: f"{start}/srv/a{char}b/"}, allow_unicode=False)
    assert f"{name}: want" in problem(file, text)


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("path", ["page", "./page", "~/page", "/", "//", "/srv/../etc", "/srv/.."])
def test_a_path_says_from_the_root_on_where_it_leads(file: Path, name: str, path: str) -> None:
    assert f"{name}: want a path" in problem(file, f"{name}: '{path}'\n")


@pytest.mark.parametrize("path", ["", "/srv/page", "/srv/page/", "/srv/Straße-1_a.b+c@d/..page"])
def test_a_plain_path_is_taken(file: Path, path: str) -> None:
    assert load(file, f"status_dir: '{path}'\n").status_dir == path


@pytest.mark.parametrize("char", [*"\n\r\0\x1b\x7f\x85"], ids=ascii)
@pytest.mark.parametrize(
    "option",
    [option for option in OPTIONS if option.name not in ("dbpass", "smtppassword")],
    ids=lambda option: option.name,
)
def test_no_option_but_a_password_holds_a_control_character(
    file: Path, option: Option, char: str
) -> None:
    starts = {one.name: "http://h/" for one in OPTIONS if one.name.endswith("_url")}
    starts |= {"database_url": "postgresql://u:p@h/", "mail_from": "a@", "operator_email": "a@"}
    text = yaml.safe_dump({option.name: f"{starts.get(option.name, '')}a{char}b"})
    assert f"{option.name}: want" in problem(file, text)


@pytest.mark.parametrize("name", ["smtpserver", "dbfqdn", "listen_host"])
@pytest.mark.parametrize("host", ["fe80::1%a b", "fe80::1%;}", "fe80::1%$(id)", "a;b", "a'b"])
def test_the_zone_of_an_address_is_no_way_to_say_more(file: Path, name: str, host: str) -> None:
    assert f"{name}: want" in problem(file, yaml.safe_dump({name: host}))


@pytest.mark.parametrize("name", ["self_url", "watchdog_url", "slack_hook_url", "public_url"])
@pytest.mark.parametrize("char", [*"\"'`$\\<>{}|^"])
def test_a_url_is_one_that_a_shell_takes_as_it_is(file: Path, name: str, char: str) -> None:
    text = yaml.safe_dump({name: f"http://gocron.example.com/a{char}b"})
    assert f"{name}: want a URL" in problem(file, text)


def test_an_error_of_the_syntax_names_its_line(file: Path) -> None:
    assert "is no YAML: " in (said := problem(file, "interval: 60\nsmtpport: [25\n"))
    assert re.search(r"line \d+, column \d+", said)


def test_a_file_that_is_no_utf_8_is_told(file: Path) -> None:
    file.write_bytes(b"smtpserver: \xff\n")
    with pytest.raises(ConfigError, match="is no UTF-8 text"):
        load_config(file, {})


@pytest.mark.parametrize(
    "password", ["012345", "1e5", "yes", "2026-01-01", "1_000", "12:30", "0x1F", "=", "Null "]
)
def test_a_password_is_taken_as_it_is_written(file: Path, password: str) -> None:
    config = load(file, f"dbpass: {password}\n")
    assert config.dbpass == ("" if password == "Null " else password)


def test_a_secret_may_stand_in_a_file_of_its_own(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    config = load(file, f"smtpaddress: ops\nsmtppassword: file:{secret}\ndbpass: file:{secret}\n")
    assert (config.smtppassword, config.dbpass) == ("hush", "hush")
    assert load(file, f"slack_channel: file:{secret}\n").slack_channel == f"file:{secret}"


def test_a_secret_file_that_is_missing_is_told_by_its_path(file: Path) -> None:
    assert "dbpass: /no/such: No such file" in problem(file, "dbpass: file:/no/such\n")


@pytest.mark.parametrize(
    "password", ["p@ss:w/ord", "a#b?c=d&e", "100%", "%41", "naïve ✓", "a+b c", "[x]", "'\";--"]
)
def test_the_parts_of_the_database_make_a_url_that_reads_back(file: Path, password: str) -> None:
    config = load(file, "", GC_DBFQDN="db.example.com", GC_DBPASS=password, GC_DBUSER="cron@realm")
    assert db_url.parse(config.database_url, unquote_password=True, unquote_user=True) == {
        "database": "gocron",
        "user": "cron@realm",
        "password": password,
        "host": "db.example.com",
        "port": 5432,
    }


def test_a_database_host_may_be_an_ipv6_address(file: Path) -> None:
    config = load(file, "dbfqdn: 2001:db8::1\n")
    assert db_url.parse(config.database_url)["host"] == "2001:db8::1"


def test_a_host_may_be_a_name_in_any_language_an_address_or_nothing(file: Path) -> None:
    for host in (
        "mail",
        "mail.example.com.",
        "bücher.example",
        "192.0.2.1",
        "2001:db8::1",
        "my_db",
    ):
        assert load(file, f"smtpserver: '{host}'\n").smtpserver == host
    assert load(file, "smtpserver: ''\n").smtpserver == ""


def test_a_database_url_wins_over_the_parts(file: Path) -> None:
    config = load(file, ORIGINAL + "database_url: sqlite:////tmp/x.db\n")
    assert config.database_url == "sqlite:////tmp/x.db"


@pytest.mark.parametrize(
    ("text", "security"),
    [
        ("", "none"),
        ("smtpport: 465", "tls"),
        ("smtpport: 587", "starttls"),
        ("smtpaddress: ops\nsmtppassword: x", "starttls"),
        ("smtpport: 465\nsmtpaddress: ops\nsmtppassword: x", "tls"),
        ("smtpport: 465\nsmtp_security: none", "none"),
        ("smtp_security: STARTTLS", "starttls"),
    ],
)
def test_the_security_of_mail_follows_port_and_password(
    file: Path, text: str, security: str
) -> None:
    assert load(file, text).smtp_security == security


@pytest.mark.parametrize(
    ("text", "prefers"),
    [
        ("", False),
        ("slack_hook_url: https://h/x", True),
        ("slack_hook_url: https://h/x\nsmtpserver: mail", False),
        ("slack_hook_url: https://h/x\nsmtpserver: mail\nprefer_slack: true", True),
        ("slack_hook_url: https://h/x\nprefer_slack: false", False),
    ],
)
def test_slack_is_preferred_where_it_is_the_only_way_told(
    file: Path, text: str, prefers: bool
) -> None:
    assert load(file, text).prefer_slack is prefers


def test_the_sender_is_the_login_only_where_that_is_an_address(file: Path) -> None:
    assert load(file, "smtpaddress: ops").mail_from == ""
    assert load(file, "smtpaddress: ops@x.org").mail_from == "ops@x.org"
    assert load(file, "smtpaddress: ops@x.org\nmail_from: a@x.org").mail_from == "a@x.org"


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_stands_in_an_error(file: Path, name: str) -> None:
    said = problem(file, "quux: 1\n" + yaml.safe_dump({name: SECRETS[name]}))
    assert "TOPSECRET" not in said


@pytest.mark.parametrize(
    "text",
    [
        "smtppassword: *TOPSECRET\n",
        "smtppassword: !TOPSECRET\n",
        "smtppassword: !TOPSECRET!x y\n",
        "smtppassword: %TOPSECRET\n",
        "smtppassword: @TOPSECRET\n",
        "smtppassword: [TOPSECRET\n",
        "smtppassword: 'TOPSECRET\n",
        "smtppassword: TOPSECRET: x\n",
        "interval: 60\nsmtppassword TOPSECRET\n",
        "smtppassword: TOPSECRET\x07\n",
        "database_url: postgresql://u:TOPSECRET@ex\u2100mple/db\n",
        "database_url: postgresql://u:TOPSECRET@host:port/db\n",
        "database_url: postgresql://u:TOPSECRET@host\n",
        "database_url: postgresql://u:1#TOPSECRET@host/db\n",
        "slack_hook_url: https://TOP\u2100SECRET/TOPSECRET\n",
    ],
)
def test_no_secret_stands_in_an_error_of_the_syntax(file: Path, text: str) -> None:
    assert "SECRET" not in problem(file, text)
