"""One request through the official Anthropic SDK; what it made of the answer goes to stdout as JSON.

The only argument is a JSON object: `base_url`, `http` (1 or 2), and `request`, the keyword arguments of
`messages.create`. A stream goes through the SDK's own accumulator, so that what it builds of the events is
seen too.
"""

import json
import sys

import anthropic

asked = json.loads(sys.argv[1])
two = asked["http"] == 2
client = anthropic.Anthropic(
    base_url=asked["base_url"],
    api_key="not-a-key",
    max_retries=0,
    http_client=anthropic.DefaultHttpxClient(http1=not two, http2=two, trust_env=False),
)
result = {"error": None, "events": [], "text": "", "message": None}
try:
    request = asked["request"]
    if request.pop("stream", False):
        with client.messages.stream(**request) as stream:
            for event in stream:
                result["events"].append(event.type)
                if event.type == "text":
                    result["text"] += event.text
            result["message"] = stream.get_final_message().model_dump(mode="json")
    else:
        result["message"] = client.messages.create(**request).model_dump(mode="json")
except anthropic.AnthropicError as error:
    result["error"] = {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": str(error),
        "body": getattr(error, "body", None),
    }
json.dump(result, sys.stdout)
