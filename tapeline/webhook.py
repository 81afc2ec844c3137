"""Telling another program of promotions, rollbacks and states of live: one POST of JSON to an address.

The address is TAPELINE_WEBHOOK of the environment, which may hold a secret and is shown nowhere. What can't
be told is said in a line, and changes nothing else.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException
from typing import Any

from tapeline.ending import one_line

ADDRESS = "TAPELINE_WEBHOOK"
PROMOTED, ROLLED_BACK, WITHDRAWN, STATE = "promoted", "rolled_back", "withdrawn", "state"
PATIENCE_S = 10.0


def tell(event: str, say: Callable[[str], None], **details: Any) -> None:
    """Post `event` with its details, if an address is named; `say` gets a line if that fails."""
    address = os.environ.get(ADDRESS, "").strip()
    if not address:
        return
    body = json.dumps({"event": event, **details}).encode()
    try:
        if not address.startswith(("http://", "https://")):
            raise ValueError("it must begin with http:// or https://")
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(address, body, headers, method="POST")
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    except (OSError, ValueError, HTTPException) as error:
        reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else _plain(error, address)
        say(f"{ADDRESS}: {event} was not told: {reason}")


def _plain(error: Exception, address: str) -> str:
    """The error in a line, without the address, which may hold a secret."""
    reason = getattr(error, "reason", None)
    return one_line(reason if isinstance(reason, Exception) else error).replace(address, "the address")
