"""Requests through the official Anthropic SDK; what it made of the answers goes to stdout as a JSON list.

The only argument is a JSON object: `base_url`, `http` (1 or 2), and `requests`, each the keyword arguments
of one `messages.create`. A stream goes through the SDK's own accumulator, so that what it builds of the
events is seen too.
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


def run(request):
    result = {"error": None, "events": [], "text": "", "message": None}
    try:
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
    return result


json.dump([run(request) for request in asked["requests"]], sys.stdout)
