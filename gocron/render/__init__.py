"""What people see: records -> templates in `reports/` -> page, mail, Slack post, summary."""
