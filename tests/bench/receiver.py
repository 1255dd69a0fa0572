"""A server of the host app in a process of its own: it accepts every event, and tells its port."""

import asyncio
import sys
from pathlib import Path

from tests.support.endpoint import endpoint


async def _serve(folder: Path) -> None:
    async with endpoint(folder) as there:
        there.usual = "200"
        sys.stdout.write(f"{there.port}\n")
        sys.stdout.flush()
        while True:
            await asyncio.sleep(1.0)
            there.asked.clear()
            there.answers.clear()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
