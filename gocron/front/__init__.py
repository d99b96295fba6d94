"""The front: check-ins come in, are kept and are answered.

`gocron.front:application` is the front for any WSGI server.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    # Made where it is asked for: gocron's own server needs no Bottle.
    if name != "application":
        raise AttributeError(name)
    from gocron.front.wsgi import application

    return application
