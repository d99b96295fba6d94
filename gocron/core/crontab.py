"""The line that goes into a crontab: the one place where it is written."""

# What docs, role, page and installer print is held equal to it by a test.
CURL = "curl -fsS -m 10 -L --retry 6 --retry-connrefused --retry-all-errors -o /dev/null"
