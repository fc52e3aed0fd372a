"""Values as TOML, so that they can be given to --set again."""

import json
import math
from datetime import date
from typing import Any


def toml_text(value: Any) -> str:
    """A TOML value on one line: what tomllib reads back as the same value.

    value: text, number, true or false, date, or lists and tables of them.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else f"{'-' if value < 0 else ''}inf"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml_text(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml_key(key)} = {toml_text(item)}' for key, item in value.items())}}}"
    return value.isoformat() if isinstance(value, date) else repr(value)


def toml_key(key: str) -> str:
    """A key, quoted where TOML wants quotes."""
    plain = key.isascii() and key.replace("-", "_").replace("_", "a").isalnum()
    return key if plain else toml_text(key)
