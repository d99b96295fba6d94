"""What the role gocron_job makes of many jobs, without a play for each, by Ansible's own Python.

usage: preflight.py ROLE <CASES.json >RESULTS.json

Each case is the variables of a host with one job. Its result is either {"file": what cron gets} or
{"refused": why}. Expressions, filters and templates are worked out by Ansible.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ASSERT, COMMAND = "ansible.builtin.assert", "ansible.builtin.command"


def trusted(value: Any) -> Any:
    """Return what a file of the role holds, as Ansible reads it: with templates that count."""
    if isinstance(value, str):
        return trust_as_template(value)
    if isinstance(value, list):
        return [trusted(one) for one in value]
    if isinstance(value, dict):
        return {key: trusted(one) for key, one in value.items()}
    return value


class Role:
    def __init__(self, folder: Path) -> None:
        self.tasks = trusted(yaml.safe_load((folder / "tasks/preflight.yml").read_text()))
        # This one looks at all variables of a play.
        assert self.tasks.pop(0)["name"] == "Know every variable"
        self.variables = trusted(yaml.safe_load((folder / "vars/main.yml").read_text()))
        # As the module `template` reads it.
        self.template = trust_as_template((folder / "templates/job.j2").read_text())
        self.loader = DataLoader()

    def result(self, case: dict[str, Any]) -> dict[str, str]:
        known = {**self.variables, **case, "groups": {"all": ["gocron-01"]}}
        for task in self.tasks:
            if why := self.refusal(task, known):
                return {"refused": why}
        templar = Templar(self.loader, {**known, "item": case["gocron_job_jobs"][0]})
        return {"file": templar.template(self.template)}

    def refusal(self, task: dict[str, Any], known: dict[str, Any]) -> str:
        """Return why a task refuses the job, "" where it does not."""
        told = {**known, **task.get("vars", {})}
        items = Templar(self.loader, told).template(task["loop"]) if "loop" in task else [None]
        results = []
        for item in items:
            templar = Templar(self.loader, {**told, "item": item})
            when = task.get("when", [])
            if not all(
                map(templar.evaluate_conditional, [when] if isinstance(when, str) else when)
            ):
                continue
            if COMMAND in task:
                argv = templar.template(task[COMMAND]["argv"])
                done = subprocess.run(argv, capture_output=True, text=True)
                results.append({"item": item, "rc": done.returncode, "stderr": done.stderr})
                continue
            that = task[ASSERT]["that"]
            if not all(
                map(templar.evaluate_conditional, [that] if isinstance(that, str) else that)
            ):
                return str(templar.template(task[ASSERT]["fail_msg"]))
        if "register" in task:
            known[task["register"]] = {"results": results}
        return ""


def main() -> None:
    init_plugin_loader()
    role = Role(Path(sys.argv[1]))
    json.dump({name: role.result(case) for name, case in json.load(sys.stdin).items()}, sys.stdout)


if __name__ == "__main__":
    main()
