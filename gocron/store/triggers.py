"""The triggers in force: what a change of a job's row leaves for the next sweep to see to.

Whoever changes the row, a front of a version before too, leaves it in the same transaction. A
migration that changes a trigger has its text once more, since what it does must stay as it was;
a test compares what all migrations make with what stands here.
"""

# Every change of a count leaves a row, and a sweep adds these up: fronts that declare jobs of one
# account at the same time never wait for each other on a counter.
_SQLITE_COUNTS = (
    """CREATE TRIGGER job_added AFTER INSERT ON job BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (NEW.account, 1, NEW.missed_at IS NOT NULL);
END""",
    """CREATE TRIGGER job_removed AFTER DELETE ON job BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (OLD.account, -1, -(OLD.missed_at IS NOT NULL));
END""",
    """CREATE TRIGGER job_turned AFTER UPDATE OF missed_at ON job
WHEN (OLD.missed_at IS NULL) <> (NEW.missed_at IS NULL) BEGIN
    INSERT INTO change (account, jobs, missing)
    VALUES (NEW.account, 0, CASE WHEN NEW.missed_at IS NULL THEN -1 ELSE 1 END);
END""",
)
_POSTGRES_COUNTS = (
    """CREATE FUNCTION gocron_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO change (account, jobs, missing)
        VALUES (NEW.account, 1, (NEW.missed_at IS NOT NULL)::int);
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO change (account, jobs, missing)
        VALUES (OLD.account, -1, -(OLD.missed_at IS NOT NULL)::int);
    ELSE
        INSERT INTO change (account, jobs, missing)
        VALUES (NEW.account, 0, CASE WHEN NEW.missed_at IS NULL THEN -1 ELSE 1 END);
    END IF;
    RETURN NULL;
END $$""",
    """CREATE TRIGGER job_counted AFTER INSERT OR DELETE ON job
FOR EACH ROW EXECUTE FUNCTION gocron_count()""",
    """CREATE TRIGGER job_turned AFTER UPDATE OF missed_at ON job
FOR EACH ROW WHEN ((OLD.missed_at IS NULL) <> (NEW.missed_at IS NULL))
EXECUTE FUNCTION gocron_count()""",
)

# What the other triggers leave, by the name of Postgres' function.
_LEFT = {
    # A network that a gateway left, and when.
    "job_moved": """
INSERT INTO moved (job_id, network, until_at)
    VALUES (NEW.id, OLD.network, NEW.last_seen_at)
    ON CONFLICT (job_id, network) DO UPDATE SET until_at = excluded.until_at;""",
    # A silence of a gateway that came back after its deadline: it is known only in this moment.
    "job_returned": """
INSERT INTO silence (job_id, began_at, ended_at, allowance_s)
    VALUES (NEW.id, OLD.last_seen_at, NEW.last_seen_at, OLD.due_at - OLD.last_seen_at);""",
    # That the page of an account, which shows who is spared, is to be written anew.
    "job_reprieved": "INSERT INTO change (account, jobs, missing) VALUES (NEW.account, 0, 0);",
    # That the pages which show a job that fails, or works again, are to be written anew.
    "job_failing": "INSERT INTO change (account, jobs, missing) VALUES (NEW.account, 0, 0);",
    # What a job declared before, for its former recipients.
    "job_redeclared": """
INSERT INTO redeclaration (job_id, changed_at, address, email_before, frequency_before_s,
                           grace_before_s, site_before)
    VALUES (NEW.id, NEW.last_seen_at, NEW.address, OLD.email, OLD.frequency_s,
            coalesce(OLD.grace_s, 0), coalesce(OLD.site, FALSE))
    ON CONFLICT (job_id) WHERE queued_at IS NULL
    DO UPDATE SET changed_at = excluded.changed_at, address = excluded.address;""",
    # A name that may have several spellings.
    "job_named": "INSERT INTO spelling (job_id) VALUES (NEW.id) ON CONFLICT (job_id) DO NOTHING;",
}


def in_force(is_postgres: bool) -> list[str]:
    """Return the statements that make all triggers."""
    statements = list(_POSTGRES_COUNTS if is_postgres else _SQLITE_COUNTS)
    if is_postgres:
        statements += [
            f"CREATE FUNCTION gocron_{name}() RETURNS trigger LANGUAGE plpgsql AS $$"
            f"\nBEGIN {left} RETURN NULL; END $$"
            for name, left in _LEFT.items()
        ]
    for name, (event, when, leaves) in _triggers(is_postgres).items():
        head = f"CREATE TRIGGER {name} AFTER {event} ON job"
        statements.append(
            f"{head} FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION gocron_{leaves}()"
            if is_postgres
            else f"{head} WHEN {when} BEGIN {_LEFT[leaves]} END"
        )
    return statements


def _triggers(is_postgres: bool) -> dict[str, tuple[str, str, str]]:
    """Return by name of which event, and when, each trigger leaves what."""
    account, cronname, gateway = (
        _has_several(is_postgres, f"NEW.{name}") for name in ("account", "cronname", "gateway")
    )
    is_redeclared = """NEW.email <> OLD.email
    OR NEW.frequency_s + coalesce(NEW.grace_s, 0) > OLD.frequency_s + coalesce(OLD.grace_s, 0)
    OR (coalesce(NEW.site, FALSE) AND NOT coalesce(OLD.site, FALSE))"""
    moved = "NEW.site AND OLD.network <> '' AND NEW.network <> OLD.network"
    returned = "NEW.site AND OLD.address <> '' AND NEW.last_seen_at > OLD.due_at"
    reprieved = "coalesce(OLD.reprieve, '') <> coalesce(NEW.reprieve, '')"
    failing = "coalesce(OLD.failing_at, 0) <> coalesce(NEW.failing_at, 0)"
    declared = "UPDATE OF email, frequency_s, grace_s, site"
    gateway_named = f"coalesce(OLD.gateway, '') <> NEW.gateway AND {gateway}"
    return {
        "job_moved": ("UPDATE OF network", moved, "job_moved"),
        "job_returned": ("UPDATE OF last_seen_at", returned, "job_returned"),
        "job_reprieved": ("UPDATE OF reprieve", reprieved, "job_reprieved"),
        "job_failing": ("UPDATE OF failing_at", failing, "job_failing"),
        "job_redeclared": (declared, is_redeclared, "job_redeclared"),
        "job_named": ("INSERT", f"{account} OR {cronname} OR {gateway}", "job_named"),
        "job_gateway_named": ("UPDATE OF gateway", gateway_named, "job_named"),
    }


def _has_several(is_postgres: bool, name: str) -> str:
    # All ASCII has one spelling, but for spaces around it; else there are more bytes than
    # characters.
    octets = f"octet_length({name})" if is_postgres else f"length(CAST({name} AS BLOB))"
    return f"coalesce({octets} <> length({name}) OR trim({name}) <> {name}, FALSE)"
