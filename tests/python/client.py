"""The official Python SDK against a running hub: list, call, progress, a tool's failure, an unknown tool.

    client.py http URL TOKEN MODE
    client.py stdio MODE COMMAND [ARGUMENT ...]

Prints one JSON object; the test that starts this script reads it.
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def use(target, mode):
    seen = []

    async def progress(done, total, message):
        seen.append([done, total, message])

    async with Client(target, mode=mode) as client:
        tools = await client.list_tools()
        read = await client.call_tool("files_read", {"path": "README.md", "first_line": 1, "lines": 1})
        missing = await client.call_tool("files_read", {"path": "no/such/file"})
        await client.call_tool("test_tool_with_progress", {}, progress_callback=progress)
        try:
            unknown = (await client.call_tool("no_such_tool", {})).is_error
        except Exception as error:  # a protocol error: which class it is differs between eras
            unknown = type(error).__name__
        print(
            json.dumps(
                {
                    "version": str(client.protocol_version),
                    "tools": [tool.name for tool in tools.tools],
                    "read": {"error": read.is_error, "structured": read.structured_content},
                    "missing": {"error": missing.is_error, "text": missing.content[0].text},
                    "progress": seen,
                    "unknown": unknown,
                }
            )
        )


async def main():
    kind, *rest = sys.argv[1:]
    if kind == "http":
        url, token, mode = rest
        async with create_mcp_http_client(headers={"Authorization": f"Bearer {token}"}) as http:
            await use(streamable_http_client(url, http_client=http), mode)
    else:
        mode, command, *arguments = rest
        await use(StdioServerParameters(command=command, args=arguments), mode)


asyncio.run(asyncio.wait_for(main(), 60))
