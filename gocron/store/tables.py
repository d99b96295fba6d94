"""The tables by name, for queries; `migrations/` makes them."""

from typing import Any

from peewee import Database, Table

JOB = (
    "id",
    "account",
    "cronname",
    "email",
    "frequency_s",
    "grace_s",
    "site",
    "address",
    "created_at",
    "last_seen_at",
    "due_at",
    "missed_at",
    "back_at",
    "network",
    "gateway",
    "recent",
    "judge_at",
    "reprieve",
    "excused_until",
    "excused_by",
    "came_from",
    "returns",
    "returned_at",
    "failures",
    "last_ok_at",
    "failed_at",
    "failing_at",
    "worked_at",
    "exit_status",
    "started_at",
    "schedule",
    "zone",
    "early_s",
    "slot_at",
    "next_slot_at",
)
EPISODE = (
    *("id", "job_id", "missed_at", "last_seen_at", "ended_at", "reason"),
    *("kind", "exit_status"),
)
OUTPUT = ("job_id", "printed_at", "printed", "failed_at", "failed")
NEWS = (
    "id",
    "episode_id",
    "kind",
    "channel",
    "recipient",
    "digest",
    "queued_at",
    "next_try_at",
    "attempts",
    "last_error",
    "sent_at",
    "given_up_at",
    "outage_id",
    "redeclaration_id",
    "claimed_until",
)
REDECLARATION = (
    "id",
    "job_id",
    "changed_at",
    "address",
    "email_before",
    "frequency_before_s",
    "grace_before_s",
    "site_before",
    "email_after",
    "frequency_after_s",
    "grace_after_s",
    "site_after",
    "queued_at",
)
ACCOUNT = ("name", "jobs", "missing", "changed_at")
CHANGE = ("id", "account", "jobs", "missing")
INSTANCE = ("id", "name", "accounts", "jobs", "missing", "swept_at", "open_at")
MOVED = ("job_id", "network", "until_at")
SILENCE = ("id", "job_id", "began_at", "ended_at", "allowance_s")
OUTAGE = (
    "id",
    "site_id",
    "began_at",
    "ended_at",
    "journalled",
    "excused",
    "noticed_at",
    "claimed_until",
    "told_at",
    "allowance_s",
    "jumped_s",
)
PRESENCE = ("id", "host", "began_at", "until_at", "heard_at", "jumped_s", "name")
SPELLING = ("job_id",)
ENTRY = ("host", "entered_at")
JOURNAL = ("name", "read_to", "settled_at")


class Tables:
    """Every table, bound to one database. Columns are attributes, which no stub can know."""

    def __init__(self, db: Database) -> None:
        self.job: Any = Table("job", JOB, primary_key="id").bind(db)
        self.output: Any = Table("output", OUTPUT, primary_key="job_id").bind(db)
        self.episode: Any = Table("episode", EPISODE, primary_key="id").bind(db)
        self.news: Any = Table("news", NEWS, primary_key="id").bind(db)
        self.redeclaration: Any = Table("redeclaration", REDECLARATION, primary_key="id").bind(db)
        self.account: Any = Table("account", ACCOUNT, primary_key="name").bind(db)
        self.change: Any = Table("change", CHANGE, primary_key="id").bind(db)
        self.instance: Any = Table("instance", INSTANCE, primary_key="id").bind(db)
        self.moved: Any = Table("moved", MOVED).bind(db)
        self.silence: Any = Table("silence", SILENCE, primary_key="id").bind(db)
        self.outage: Any = Table("outage", OUTAGE, primary_key="id").bind(db)
        self.presence: Any = Table("presence", PRESENCE, primary_key="id").bind(db)
        self.spelling: Any = Table("spelling", SPELLING, primary_key="job_id").bind(db)
        self.entry: Any = Table("entry", ENTRY, primary_key="host").bind(db)
        self.journal: Any = Table("journal", JOURNAL, primary_key="name").bind(db)
