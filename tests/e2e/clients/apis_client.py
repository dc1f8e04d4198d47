"""One call through a provider's own client; what it made of the answer goes to stdout as a JSON list.

The only argument is a JSON object: `base_url`, `api`, and `requests`, each with `said`, `stream` and `tool`.
"""

import asyncio
import json
import sys
import traceback

asked = json.loads(sys.argv[1])
url = asked["base_url"]
TOOL = {
    "name": "send_mail",
    "description": "Sends mail",
    "parameters": {"type": "object", "properties": {"to": {"type": "string"}}},
}


def responses(said, stream, tool):
    import openai

    client = openai.OpenAI(base_url=url + "/v1", api_key="not-a-key", max_retries=0)
    tools = [{"type": "function", **TOOL}] if tool else []
    if not stream:
        answer = client.responses.create(model="sample", input=said, tools=tools)
        return {"text": answer.output_text, "end": answer.status, "calls": [i.arguments for i in answer.output if i.type == "function_call"]}
    text, snapshots, calls, end = "", [], [], None
    with client.responses.stream(model="sample", input=said, tools=tools) as events:
        for event in events:
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.output_text.done":
                snapshots.append(event.text)
            if event.type == "response.function_call_arguments.done":
                calls.append(event.arguments)
            if event.type in ("response.completed", "response.incomplete", "response.failed"):
                details = event.response.incomplete_details
                end = (details and details.reason) or event.response.status
                if event.type == "response.completed":
                    snapshots.append(event.response.output_text)
    return {"text": text, "snapshots": snapshots, "calls": calls, "end": end}


def completions(said, stream, tool):
    import openai

    client = openai.OpenAI(base_url=url + "/v1", api_key="not-a-key", max_retries=0)
    answer = client.completions.create(model="sample", prompt=said, stream=stream)
    chunks = answer if stream else [answer]
    text, end = "", None
    for chunk in chunks:
        for choice in chunk.choices:
            text += choice.text
            end = choice.finish_reason or end
    return {"text": text, "end": end}


def gemini(said, stream, tool):
    from google import genai
    from google.genai import types

    client = genai.Client(api_key="not-a-key", http_options=types.HttpOptions(base_url=url))
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[TOOL])] if tool else None,
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    call = client.models.generate_content_stream if stream else client.models.generate_content
    answer = call(model="sample", contents=said, config=config)
    text, calls, end = "", [], None
    for chunk in answer if stream else [answer]:
        for candidate in chunk.candidates or []:
            for part in (candidate.content and candidate.content.parts) or []:
                text += part.text or ""
                if part.function_call:
                    calls.append(json.dumps(part.function_call.args))
            end = (candidate.finish_reason and candidate.finish_reason.name) or end
    return {"text": text, "calls": calls, "end": end}


def bedrock_client():
    import boto3
    from botocore.config import Config

    config = Config(retries={"max_attempts": 1}, proxies={})
    keys = {"aws_access_key_id": "not-a-key", "aws_secret_access_key": "not-a-secret"}
    signed = asked.get("signed", False)
    if not signed:
        from botocore import UNSIGNED

        config = config.merge(Config(signature_version=UNSIGNED))
    return boto3.client("bedrock-runtime", region_name="eu-west-1", endpoint_url=url, config=config, **keys)


def converse(said, stream, tool):
    client = bedrock_client()
    request = {"modelId": "sample", "messages": [{"role": "user", "content": [{"text": said}]}]}
    if tool:
        spec = {"name": TOOL["name"], "description": TOOL["description"], "inputSchema": {"json": TOOL["parameters"]}}
        request["toolConfig"] = {"tools": [{"toolSpec": spec}]}
    if not stream:
        answer = client.converse(**request)
        content = answer["output"]["message"]["content"]
        calls = [json.dumps(block["toolUse"]["input"]) for block in content if "toolUse" in block]
        return {"text": "".join(block.get("text", "") for block in content), "calls": calls, "end": answer["stopReason"]}
    text, arguments, end = "", "", None
    for event in client.converse_stream(**request)["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        arguments += delta.get("toolUse", {}).get("input", "")
        end = event.get("messageStop", {}).get("stopReason", end)
    return {"text": text, "calls": [arguments] if arguments else [], "end": end}


def invoke(said, stream, tool):
    client = bedrock_client()
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": [{"role": "user", "content": said}]}
    request = {"modelId": "anthropic.sample", "body": json.dumps(body)}
    if not stream:
        answer = json.loads(client.invoke_model(**request)["body"].read())
        return {"text": "".join(block.get("text", "") for block in answer["content"]), "end": answer["stop_reason"]}
    text, end = "", None
    for event in client.invoke_model_with_response_stream(**request)["body"]:
        document = json.loads(event["chunk"]["bytes"])
        text += document.get("delta", {}).get("text", "")
        end = document.get("delta", {}).get("stop_reason", end)
    return {"text": text, "end": end}


def ollama(said, stream, tool):
    import ollama as package

    client = package.Client(host=url, trust_env=False)
    tools = [{"type": "function", "function": TOOL}] if tool else None
    answer = client.chat(model="sample", messages=[{"role": "user", "content": said}], stream=stream, tools=tools)
    text, calls, end = "", [], None
    for part in answer if stream else [answer]:
        text += part.message.content or ""
        calls += [json.dumps(dict(call.function.arguments)) for call in part.message.tool_calls or []]
        end = part.done_reason or end
    return {"text": text, "calls": calls, "end": end}


def cohere(said, stream, tool):
    import cohere as package

    client = package.ClientV2(api_key="not-a-key", base_url=url)
    request = {"model": "sample", "messages": [{"role": "user", "content": said}]}
    if tool:
        request["tools"] = [{"type": "function", "function": TOOL}]
    if not stream:
        answer = client.chat(**request)
        text = "".join(part.text for part in answer.message.content or [])
        calls = [call.function.arguments for call in answer.message.tool_calls or []]
        return {"text": text, "calls": calls, "end": answer.finish_reason}
    text, arguments, end = "", "", None
    for event in client.chat_stream(**request):
        if event.type == "content-delta":
            text += event.delta.message.content.text
        if event.type == "tool-call-delta":
            arguments += event.delta.message.tool_calls.function.arguments
        if event.type == "message-end":
            end = event.delta.finish_reason
    return {"text": text, "calls": [arguments] if arguments else [], "end": end}


def mcp(said, stream, tool):
    from mcp import Client

    async def talk():
        async with Client(url + "/mcp") as client:
            tools = await client.list_tools()
            called = await client.call_tool("look_up", {"name": said})
            read = await client.read_resource("file:///record.txt")
            prompt = await client.get_prompt("greet")
            return {
                "text": called.content[0].text,
                "others": [tools.tools[0].description, read.contents[0].text, prompt.messages[0].content.text],
                "end": "stop",
            }

    return asyncio.run(talk())


def mcp_tools(said, stream, tool):
    """A call that is refused, and another in the same session."""
    from mcp import Client

    async def talk():
        async with Client(url + "/mcp") as client:
            tools = await client.list_tools()
            refused = None
            try:
                await client.call_tool("look_up", {"name": said})
            except Exception as error:
                refused = str(error)
            called = await client.call_tool("look_up", {"name": "ok"})
            return {
                "text": called.content[0].text,
                "refused": refused,
                "tools": [tool.name for tool in tools.tools],
                "end": "stop",
            }

    return asyncio.run(talk())


def gemini_array(said, stream, tool):
    """`streamGenerateContent` without `alt=sse`: a JSON array that grows, read as it comes."""
    import httpx

    turns = [{"role": "user", "parts": [{"text": said}]}]
    request = {"contents": turns, **({"tools": [{"functionDeclarations": [TOOL]}]} if tool else {})}
    call = "streamGenerateContent" if stream else "generateContent"
    with httpx.Client(trust_env=False, timeout=60) as client:
        with client.stream("POST", f"{url}/v1beta/models/sample:{call}", json=request) as answer:
            if answer.status_code != 200:
                raise RuntimeError(answer.read().decode())
            body = "".join(answer.iter_text())
    documents = json.loads(body)
    text, calls, end = "", [], None
    for document in documents if stream else [documents]:
        for candidate in document.get("candidates", []):
            for part in candidate.get("content", {}).get("parts", []):
                text += part.get("text", "")
                if "functionCall" in part:
                    calls.append(json.dumps(part["functionCall"]["args"]))
            end = candidate.get("finishReason", end)
    return {"text": text, "calls": calls, "end": end}


def litellm_call(model, base, said, stream, tool):
    import os

    # Else it looks for prices on the network.
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True
    tools = [{"type": "function", "function": TOOL}] if tool else None
    messages = [{"role": "user", "content": said}]
    answer = litellm.completion(
        model=model, api_base=base, api_key="not-a-key", messages=messages, tools=tools, stream=stream, max_tokens=100, num_retries=0
    )
    text, arguments, end = "", "", None
    for chunk in answer if stream else [answer]:
        for choice in chunk.choices:
            said = choice.delta if stream else choice.message
            text += said.content or ""
            arguments += "".join(call.function.arguments or "" for call in said.tool_calls or [])
            end = choice.finish_reason or end
    return {"text": text, "calls": [arguments] if arguments else [], "end": end}


def litellm_openai(said, stream, tool):
    return litellm_call("openai/sample", url + "/v1", said, stream, tool)


def litellm_anthropic(said, stream, tool):
    return litellm_call("anthropic/sample", url, said, stream, tool)


def a2a(said, stream, tool):
    """An agent of protocol 0.3 over JSON-RPC, through the SDK of 1.x."""
    import httpx
    from a2a.client import ClientConfig, ClientFactory
    from a2a.types import a2a_pb2 as pb

    card = pb.AgentCard(name="sample", version="1", description="sample", default_input_modes=["text"], default_output_modes=["text"])
    card.capabilities.streaming = True
    card.supported_interfaces.add(url=url + "/a2a", protocol_binding="JSONRPC", protocol_version="0.3")
    message = pb.Message(role=pb.ROLE_USER, message_id="m", parts=[pb.Part(text=said)])

    async def talk():
        text, end = "", None
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            client = ClientFactory(ClientConfig(streaming=stream, httpx_client=http)).create(card)
            async for event in client.send_message(pb.SendMessageRequest(message=message)):
                parts = event.message.parts if event.HasField("message") else event.artifact_update.artifact.parts
                text += "".join(part.text for part in parts)
                if event.HasField("status_update"):
                    end = pb.TaskState.Name(event.status_update.status.state)
        # A message is all there is to an answer that is one.
        return {"text": text, "end": end if stream else None}

    return asyncio.run(talk())


APIS = {
    f.__name__: f
    for f in [responses, completions, gemini, gemini_array, converse, invoke, ollama, cohere, mcp, a2a, litellm_openai, litellm_anthropic, mcp_tools]
}


def run(request):
    try:
        return APIS[asked["api"]](request["said"], request.get("stream", False), request.get("tool", False))
    except BaseException as error:
        while getattr(error, "exceptions", None):
            error = error.exceptions[0]
        said = str(error)
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            said += json.dumps(response, default=str)
        return {"error": type(error).__name__, "message": said, "trace": traceback.format_exc()}


json.dump([run(request) for request in asked["requests"]], sys.stdout)
