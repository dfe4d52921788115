"""A driver of the harness for Python's HTTP clients: `driver.py LIBRARY [--insecure]`.

One client with its pool, a JSON object a line in and out: harness/src/clients/driver.rs has the
protocol. Retries, redirects and what comes from the environment are off, so that a hang or a cut
shows. All else is as the library has it.
"""

import asyncio
import json
import sys
import time


class Requests:
    """requests, with a session: its connections are urllib3's."""

    def __init__(self, insecure):
        import requests
        import urllib3

        urllib3.disable_warnings()
        self.version = f"requests {requests.__version__}"
        # Its adapters try nothing twice, unless they are told to.
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.verify = not insecure

    async def fetch(self, method, url, headers, body, timeout):
        response = self.session.request(
            method, url, headers=headers, data=body, timeout=timeout, allow_redirects=False
        )
        return response.status_code, len(response.content)


class Urllib3:
    """urllib3's pool manager."""

    def __init__(self, insecure):
        import urllib3

        urllib3.disable_warnings()
        self.version = f"urllib3 {urllib3.__version__}"
        self.pool = urllib3.PoolManager(cert_reqs="CERT_NONE" if insecure else "CERT_REQUIRED")

    async def fetch(self, method, url, headers, body, timeout):
        response = self.pool.request(
            method, url, headers=headers, body=body, timeout=timeout, retries=False
        )
        return response.status, len(response.data)


class Httpx:
    """httpx, the client that is not asynchronous."""

    def __init__(self, insecure):
        import httpx

        self.version = f"httpx {httpx.__version__}"
        self.client = httpx.Client(trust_env=False, verify=not insecure)

    async def fetch(self, method, url, headers, body, timeout):
        response = self.client.request(
            method, url, headers=headers, content=body, timeout=timeout
        )
        return response.status_code, len(response.content)


class Aiohttp:
    """aiohttp, with a session."""

    def __init__(self, insecure):
        import aiohttp

        self.version = f"aiohttp {aiohttp.__version__}"
        self.aiohttp = aiohttp
        self.insecure = insecure
        self.session = None

    async def fetch(self, method, url, headers, body, timeout):
        if self.session is None:
            connector = self.aiohttp.TCPConnector(ssl=not self.insecure)
            self.session = self.aiohttp.ClientSession(connector=connector)
        answering = self.session.request(
            method,
            url,
            headers=headers,
            data=body,
            timeout=self.aiohttp.ClientTimeout(total=timeout),
            allow_redirects=False,
        )
        async with answering as response:
            return response.status, len(await response.read())


LIBRARIES = {"requests": Requests, "urllib3": Urllib3, "httpx": Httpx, "aiohttp": Aiohttp}


def is_timeout(error):
    """Whether a library gave up waiting; each has an error of its own around the reason."""
    while error is not None:
        if isinstance(error, (TimeoutError, asyncio.TimeoutError)):
            return True
        error = error.__cause__ or error.__context__
    return False


async def answer(client, line):
    """Does what one line asks for."""
    order = json.loads(line)
    body = order["body"]
    start = time.monotonic()
    try:
        status, body_bytes = await client.fetch(
            order["method"],
            order["url"],
            dict(order["headers"]),
            None if body is None else body.encode(),
            order["timeout_millis"] / 1000,
        )
    except Exception as error:  # Whatever it is, it is the answer.
        text = f"{type(error).__name__}: {error}"
        return {"error": text, "timeout": is_timeout(error)}
    millis = round((time.monotonic() - start) * 1000)
    return {"status": status, "body_bytes": body_bytes, "millis": millis}


def say(what):
    print(json.dumps(what), flush=True)


async def main():
    library, *options = sys.argv[1:]
    client = LIBRARIES[library](insecure="--insecure" in options)
    say({"ready": client.version})
    # Reads in a thread, so that a library that lives in the event loop sees what becomes of its
    # connection between two requests.
    while line := await asyncio.to_thread(sys.stdin.readline):
        say(await answer(client, line))


if __name__ == "__main__":
    asyncio.run(main())
