"""Reads request bodies with the official SDKs' own types: check_bodies.py DIRECTORY.

A body is a file called WIRE.ANYTHING.json. What an SDK's types do not take, or do not know, is an error. Prints how many
bodies of each wire were read; exits with 1 at an error, and 2 when there was no body at all.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import botocore.loaders
import botocore.model
import botocore.validate
from anthropic.types.message_count_tokens_params import MessageCountTokensParams
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from google.genai import types as gemini
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming
from pydantic import TypeAdapter


def read(value):
    """All of a value; what the types declare as iterable is only checked when it is read."""
    if isinstance(value, dict):
        return {key: read(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Iterator)) or type(value).__name__ == "ValidatorIterator":
        return [read(item) for item in value]
    return value


def unknown(sent, taken, path=""):
    """Where `sent` has what `taken` left out."""
    if isinstance(sent, dict) and isinstance(taken, dict):
        for key, value in sent.items():
            if key in taken:
                yield from unknown(value, taken[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}"
    elif isinstance(sent, list) and isinstance(taken, list):
        for index, (value, other) in enumerate(zip(sent, taken)):
            yield from unknown(value, other, f"{path}/{index}")
    elif sent != taken:
        yield path


def typed(params):
    adapter = TypeAdapter(params)

    def check(body):
        left_out = list(unknown(body, read(adapter.validate_python(body))))
        if left_out:
            raise ValueError(f"not known to the SDK: {', '.join(left_out)}")

    return check


def check_gemini(body):
    # Each of these types refuses fields that it does not know.
    rest = dict(body)
    for content in rest.pop("contents"):
        gemini.Content.model_validate(content)
    for tool in rest.pop("tools", []):
        gemini.Tool.model_validate(tool)
    if "systemInstruction" in rest:
        gemini.Content.model_validate(rest.pop("systemInstruction"))
    if "toolConfig" in rest:
        gemini.ToolConfig.model_validate(rest.pop("toolConfig"))
    gemini.GenerationConfig.model_validate(rest.pop("generationConfig", {}))
    if rest:
        raise ValueError(f"not known to the SDK: {', '.join(rest)}")


def converse(operation):
    model = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    shape = botocore.model.ServiceModel(model).operation_model(operation).input_shape

    def check(body):
        report = botocore.validate.ParamValidator().validate({"modelId": "m", **body}, shape)
        if report.has_errors():
            raise ValueError(report.generate_report())

    return check


CHECKS = {
    "anthropic": typed(MessageCreateParamsStreaming),
    "anthropic-count": typed(MessageCountTokensParams),
    "responses": typed(ResponseCreateParamsStreaming),
    "chat": typed(CompletionCreateParamsStreaming),
    "gemini-3": check_gemini,
    "gemini-2": check_gemini,
    "bedrock": converse("ConverseStream"),
    "bedrock-count": converse("CountTokens"),
}


def main(directory):
    read_bodies, failed = Counter(), False
    for path in sorted(Path(directory).glob("*.json")):
        wire = path.name.split(".")[0]
        if wire not in CHECKS:
            continue
        try:
            CHECKS[wire](json.loads(path.read_text()))
            read_bodies[wire] += 1
        except Exception as error:
            failed = True
            print(f"{path.name}: {type(error).__name__}: {str(error)[:400]}")
    for wire in CHECKS:
        print(f"{wire}: {read_bodies[wire]} bodies")
        failed |= not read_bodies[wire]
    if not read_bodies:
        return 2
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
