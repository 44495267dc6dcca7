"""What a query names, and what an alert measures."""

import re

STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
NO_METRICS = [
    re.compile(r"\{[^}]*\}"),
    re.compile(r"\[[^\]]*\]"),
    re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"),
]
NAME = re.compile(r"(?<![\w:.])([A-Za-z_:][\w:]*)\s*(\(?)")
WORDS = {"and", "or", "unless", "bool", "offset", "group_left", "group_right", "inf", "nan"}
COMPARISON = re.compile(r"\s(==|!=|>=|<=|>|<)\s")


def metrics_in(query):
    """The names of the metrics in a query."""
    query = STRING.sub('""', query)
    for pattern in NO_METRICS:
        query = pattern.sub(" ", query)
    return {name for name, call in NAME.findall(query) if not call and name.lower() not in WORDS}


def as_measurement(alert):
    """An alert's query as one that is 0 or 1 where the alert itself is silent in health."""
    return COMPARISON.sub(r" \1 bool ", alert)
