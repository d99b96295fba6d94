"""gocron: a dead man's switch for cron jobs."""

__version__ = "7.0.0"
