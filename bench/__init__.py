"""How fast and how small gocron is: figures, each beside a limit measured in the same run."""
