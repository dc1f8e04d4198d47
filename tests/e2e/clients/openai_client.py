"""Requests through the official OpenAI SDK; what it made of the answers goes to stdout as a JSON list.

The only argument is a JSON object: `base_url`, `http` (1 or 2), and `requests`, each the keyword arguments
of one `chat.completions.create`.
"""

import json
import sys

import openai

asked = json.loads(sys.argv[1])
two = asked["http"] == 2
client = openai.OpenAI(
    base_url=asked["base_url"] + "/v1",
    api_key="not-a-key",
    max_retries=0,
    http_client=openai.DefaultHttpxClient(http1=not two, http2=two, trust_env=False),
)


def choice(result, index):
    new = {"role": None, "content": "", "reasoning": "", "refusal": "", "tools": {}, "finish_reason": None, "logprobs": ""}
    return result["choices"].setdefault(str(index), new)


def take(into, piece, finish_reason, logprobs):
    into["role"] = piece.role or into["role"]
    into["content"] += piece.content or ""
    into["refusal"] += getattr(piece, "refusal", None) or ""
    into["reasoning"] += getattr(piece, "reasoning_content", None) or ""
    for at, call in enumerate(piece.tool_calls or []):
        tool = into["tools"].setdefault(str(getattr(call, "index", at)), {"name": "", "arguments": ""})
        tool["name"] += call.function.name or ""
        tool["arguments"] += call.function.arguments or ""
    into["logprobs"] += "".join(token.token for token in (logprobs and logprobs.content) or [])
    into["finish_reason"] = finish_reason or into["finish_reason"]


def run(request):
    result = {"error": None, "chunks": 0, "choices": {}, "usage": None}
    try:
        answer = client.chat.completions.create(**request)
        if request.get("stream"):
            for chunk in answer:
                result["chunks"] += 1
                result["usage"] = (chunk.usage and chunk.usage.total_tokens) or result["usage"]
                for part in chunk.choices:
                    take(choice(result, part.index), part.delta, part.finish_reason, part.logprobs)
        else:
            result["usage"] = answer.usage and answer.usage.total_tokens
            for part in answer.choices:
                take(choice(result, part.index), part.message, part.finish_reason, part.logprobs)
    except openai.OpenAIError as error:
        result["error"] = {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "message": str(error),
            "body": getattr(error, "body", None),
        }
    return result


json.dump([run(request) for request in asked["requests"]], sys.stdout)
