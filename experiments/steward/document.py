"""What a steward report says, as data: the JSON file, and the schema that it keeps."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_ID = "steward.schema.json"

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Part(BaseModel):
    """A part of the report; unknown names are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(Part):
    """A number with its confidence interval. An end is null where the runs are too few to bound it."""

    value: float | None
    low: float | None
    high: float | None
    runs: Annotated[int, Field(ge=0, description="Independent values behind the estimate.")]


class Measure(Part):
    """One measure under the parameter as it is and as proposed, and the difference on the same random numbers."""

    name: str
    label: str
    unit: Literal["usd", "share"]
    definition: str
    now: Estimate
    proposed: Estimate
    difference: Estimate


class FrontierPoint(Part):
    """What one value of the parameter gives. unbeaten: no other value has more usage and less loss."""

    value: float
    changes: Annotated[int, Field(ge=0, description="Changes that it takes from now.")]
    usage: Estimate
    utilisation: Estimate
    var95: Estimate
    es99: Estimate
    lar95: Estimate
    from_now: "Gaps"
    unbeaten: bool


class Gaps(Part):
    """A value of the parameter against the one that holds now, on the same random numbers."""

    usage: Estimate
    var95: Estimate
    lar95: Estimate


class Change(Part):
    """What is proposed."""

    protocol: str
    asset: str
    parameter: str
    path: str
    now: float
    proposed: float
    title: str


class StewardLimits(Part):
    """What a risk steward may set: the limit of one change, and the range after all of them."""

    per_change: Annotated[float, Field(gt=0.0)]
    relative: Annotated[bool, Field(description="Whether per_change is a share of the value.")]
    changes: Annotated[int, Field(ge=1)]
    days_between: Annotated[int, Field(ge=0)]
    low: float
    high: float


class Runs(Part):
    """What was simulated."""

    values: list[float]
    volatility_factors: list[float]
    replications: Annotated[int, Field(ge=2)]
    finished: Annotated[int, Field(ge=0)]
    failed: Annotated[int, Field(ge=0)]
    seed: int
    ticks: Annotated[int, Field(ge=1)]
    dt_seconds: Annotated[float, Field(gt=0.0)]


class Provenance(Part):
    """How to make the report again."""

    config: str
    command: str
    digest: str
    versions: dict[str, str]


class Report(Part):
    """A steward report."""

    format: Literal["spillover.steward/1"] = "spillover.steward/1"
    market: str
    level: Annotated[float, Field(gt=0.0, lt=1.0, description="Confidence level of all intervals.")]
    change: Change
    limits: StewardLimits
    runs: Runs
    usage: Annotated[str, Field(description="What the frontier calls usage.")]
    utilised: Annotated[str, Field(description="The reserve whose utilisation is given.")]
    measures: list[Measure]
    frontier: list[FrontierPoint]
    provenance: Provenance


def json_schema() -> dict[str, Any]:
    """The schema of the JSON file (JSON Schema 2020-12)."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return head | Report.model_json_schema(mode="serialization")
