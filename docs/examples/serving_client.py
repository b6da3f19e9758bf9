"""A client of TensorFlow Serving's JSON interface, and of `http_server.py`.

It needs Python and NumPy alone.

    python serving_client.py generate n=2 seed=7 --model points
    python serving_client.py decode z=[[0.1,0.2]] seed=0 --model points
"""

import argparse
import json
import urllib.error
import urllib.request

import numpy as np


class Client:
    """A model on a server.

    Args:
        model: The model's name on the server.
        url: The server's address.
        timeout: Seconds to wait for an answer.
    """

    def __init__(
        self, model: str, url: str = "http://localhost:8501", timeout: float = 60
    ):
        self.address = f"{url.rstrip('/')}/v1/models/{model}:predict"
        self.timeout = timeout

    def __call__(self, endpoint: str, **inputs) -> np.ndarray | dict[str, np.ndarray]:
        """What an endpoint gives: an array, or several arrays by name.

        Args:
            endpoint: The endpoint's name, such as "generate".
            **inputs: What it reads, numbers and arrays.

        Raises:
            ValueError: If the server refuses the request. It says why.
            OSError: If no server answers.
        """
        inputs = {key: np.asarray(value).tolist() for key, value in inputs.items()}
        body = json.dumps({"signature_name": endpoint, "inputs": inputs})
        request = urllib.request.Request(
            self.address, body.encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                found = json.load(answer)["outputs"]
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise ValueError(
                f"The server refused {endpoint}: {_reason(text)}"
            ) from None
        if isinstance(found, dict):
            return {key: np.asarray(value) for key, value in found.items()}
        return np.asarray(found)


def _reason(text: str) -> str:
    try:
        return json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return text


def main() -> None:
    """Prints an endpoint's answer as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("endpoint")
    parser.add_argument("inputs", nargs="*", help="NAME=JSON, such as n=2")
    parser.add_argument("--model", required=True)
    parser.add_argument("--url", default="http://localhost:8501")
    given = parser.parse_args()
    pairs = [one.partition("=") for one in given.inputs]
    inputs = {name: json.loads(value) for name, _, value in pairs}
    found = Client(given.model, given.url)(given.endpoint, **inputs)
    print(json.dumps(found, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
