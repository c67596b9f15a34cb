"""A plugin in Python with one tool, which adds two numbers."""

import json

from wit_world import exports
from wit_world.imports import types

ADD = types.Tool(
    name="python_add",
    title="Add",
    description="Adds two numbers.",
    input_schema=json.dumps(
        {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "The first."},
                "b": {"type": "integer", "description": "The second."},
            },
            "required": ["a", "b"],
            "additionalProperties": False,
        }
    ),
    output_schema=None,
    hints=types.Hints(read_only=True, destructive=None, idempotent=True, open_world=None),
)


class Tools(exports.Tools):
    """What the contract asks a component for."""

    def list_tools(self):
        return [ADD]

    def call_tool(self, name, arguments):
        # The hub has compared the arguments with the schema before the call.
        numbers = json.loads(arguments)
        return types.Outcome_Complete(text(str(numbers["a"] + numbers["b"])))


def text(said):
    """An answer of one block."""
    return types.Answer(content=[types.Content_Text(said)], structured=None)
