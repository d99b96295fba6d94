"""A mail server that takes every mail at once and forgets it; prints its port."""

import asyncio

from aiosmtpd.smtp import SMTP


class _Forgets:
    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 (aiosmtpd's name)
        return "250 OK"


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(_Forgets(), hostname="localhost", loop=loop), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
