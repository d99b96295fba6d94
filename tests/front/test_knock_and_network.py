"""What a check-in tells of its site, what is learned of its habits, and how a sweep knocks."""

from gocron.store import counts
from tests.front.conftest import NOON, Site, away


def knock(site: Site, instance: str) -> tuple[int, str]:
    answer = site.ask(query=f"self={instance}")
    return answer.status, answer.body.decode()


def instance(site: Site) -> str:
    with site.store.connected():
        return counts.instance_name(site.store)


def test_a_gateway_may_be_named_kept_and_taken_back(site: Site) -> None:
    site.check_in(gateway="office")
    site.check_in()
    assert site.jobs()[0].gateway == "office"
    site.check_in(gateway="")
    assert site.jobs()[0].gateway == ""


def test_a_gateways_name_has_the_limits_of_a_name(site: Site) -> None:
    assert site.check_in(gateway="x" * 201).line.startswith("gocron: gateway: 201 characters")
    assert site.check_in(gateway="a\nb").status == 400
    assert site.jobs() == []


def test_a_check_in_tells_its_network_unless_its_address_proves_nothing(site: Site) -> None:
    for peer, network in (
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1:2::3", "2001:db8:0:1::/64"),
        ("127.0.0.1", ""),
    ):
        site.ask(query="cronname=a&account=b&email=a@example.com&frequency=60", peer=peer)
        (job,) = site.jobs()
        assert job.network == network, peer


def test_the_last_three_gaps_are_kept_the_newest_first(site: Site) -> None:
    for after in (0, 100, 300, 600, 1000):
        site.now = NOON + after
        site.check_in()
    assert site.jobs()[0].gaps == (400, 300, 200)
    site.now = NOON + 990
    site.check_in()
    assert site.jobs()[0].gaps == (390, 300, 200), "what was overtaken on its way is kept last"


def test_a_sweeps_own_check_in_is_answered_and_is_no_job(site: Site) -> None:
    assert knock(site, instance(site)) == (201, "")
    assert site.jobs() == []


def test_another_gocrons_sweep_is_told_so(site: Site) -> None:
    status, said = knock(site, "another")
    assert (status, said.count("\n")) == (400, 1)
    assert "another gocron" in said


def test_a_sweep_is_told_that_the_database_is_away(site: Site, database_url: str) -> None:
    name = instance(site)
    site.store.db.close()
    with away(database_url):
        assert knock(site, name)[0] == 503


def test_a_job_may_not_be_called_by_the_field_of_a_knock(site: Site) -> None:
    answer = site.ask(query="self=x&cronname=a&account=b&email=a@example.com&frequency=60")
    assert answer.status == 400
    assert "unknown field" in answer.line
