"""The shape of the configuration files: which keys there are, what each may hold, and what holds when it is left out.

What one value must be stands here; what must fit together is in `checks`. Everything is strict: an unknown key is an
error, a number is not text.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    field_validator,
    model_validator,
)

from netmon.credential import Secret
from netmon.model import Engine, Speech
from netmon.settings.problem import UnfitError
from netmon.settings.values import (
    Address,
    AddressEndpoint,
    AuthProtocol,
    Batch,
    BrokerUrl,
    Concurrency,
    ContextName,
    DailyYears,
    Day,
    Endpoint,
    EngineName,
    Given,
    GivenSecret,
    GivenText,
    GivenWord,
    Hidden,
    HttpUrl,
    Id,
    Interface,
    Interval,
    Intervals,
    JudgedSlotDays,
    Keepalive,
    Length,
    LinkKindName,
    LinkRoleName,
    OutboxSize,
    Pace,
    Patience,
    PortNumber,
    PrivProtocol,
    Province,
    Rate,
    ReceiverLimit,
    RequestRate,
    Retries,
    RoomName,
    SecurityLevel,
    SiteKindName,
    SlotDays,
    SpeechName,
    Text,
    TokenName,
    TopicPart,
    TrapBurst,
    TrapRate,
    UserKey,
    UserName,
    WebToken,
    Word,
    at_least_one,
    one_each,
    one_or_many,
)
from netmon.settings.yaml import Table


class Shape(BaseModel):
    """A mapping with known keys. It marks the Table that it read, so that an unknown key finds its neighbours."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # a command that reads no file needs none of them
    )

    @model_validator(mode="before")
    @classmethod
    def _mark(cls, data: Any) -> Any:
        if isinstance(data, Table):
            data.shape = cls
        return data

    @classmethod
    def keys(cls) -> list[str]:
        return [field.alias or name for name, field in cls.model_fields.items()]


# --- netmon.yaml ------------------------------------------------------------------------------------------------------


class Poll(Shape):
    """How devices are asked: defaults that each may override, and what holds for all together."""

    interval: Interval = 30.0
    timeout: Patience = 2.0
    retries: Retries = 1
    deadline: Patience = 10.0
    concurrency: Concurrency = 500
    requests_per_second: RequestRate = 2_000
    device_requests_per_second: RequestRate = 100
    verify_after: Patience = 5.0
    credential: str | None = None


class CommunityV1(Shape):
    """SNMPv1 (RFC 1157): a community."""

    version: Literal["1"]
    community: Hidden


class CommunityV2c(Shape):
    """SNMPv2c (RFC 1901): a community."""

    version: Literal["2c"]
    community: Hidden


class Auth(Shape):
    """Authentication of the user-based security model (RFC 3414, RFC 7860)."""

    protocol: AuthProtocol
    key: UserKey


class Priv(Shape):
    """Privacy of the user-based security model (RFC 3414, RFC 3826), and the AES of longer keys that makers agreed on."""

    protocol: PrivProtocol
    key: UserKey


class UserV3(Shape):
    """SNMPv3 with the user-based security model; its level follows from what is given."""

    version: Literal["3"]
    user: UserName
    auth: Auth | None = None
    priv: Priv | None = None
    context: ContextName = ""

    @field_validator("priv")
    @classmethod
    def _no_privacy_without_authentication(cls, priv: Priv | None, info: ValidationInfo) -> Priv | None:
        if priv is not None and info.data.get("auth", "unfit") is None:
            raise UnfitError("priv needs auth: SNMPv3 encrypts nothing that it has not authenticated (RFC 3414)")
        return priv


AnyCredential = Annotated[CommunityV1 | CommunityV2c | UserV3, Field(discriminator="version")]


class Store(Shape):
    """Where measurements are kept, and how long."""

    path: Text | None = None
    slot_days: SlotDays = 45
    judged_slot_days: JudgedSlotDays = 400
    daily_years: DailyYears = 5


class Prometheus(Shape):
    """Where /metrics listens, and for how many intervals a silent device stays on it."""

    listen: Endpoint = ("127.0.0.1", 9797)
    max_age: Intervals = 3


class InfluxApi(StrEnum):
    """Which write API an InfluxDB has: `v2` (/api/v2/write) or `v1` (/write)."""

    V2 = "v2"
    V1 = "v1"


class Mqtt(Shape):
    """The broker at which devices report."""

    broker: BrokerUrl
    user: GivenWord = None
    password: GivenSecret = None
    ca: GivenText = None
    certificate: GivenText = None
    key: GivenText = None
    client_id: Id = "netmon"
    keepalive: Keepalive = 30.0


class Traps(Shape):
    """Where devices send traps and informs, with which credentials beside their own, and how many each may send."""

    listen: Annotated[list[AddressEndpoint], BeforeValidator(one_or_many), AfterValidator(at_least_one)] = [
        ("0.0.0.0", 162),  # noqa: S104 - as every receiver of traps: who may speak is known by address and credential
    ]
    credentials: Annotated[list[str], BeforeValidator(one_or_many)] = []
    rate: TrapRate = 2
    burst: TrapBurst = 100


class Outbox(Shape):
    """Where points wait for InfluxDB, and how much may."""

    path: GivenText = None
    size: OutboxSize = 512 * 2**20


class Influx(Shape):
    """An InfluxDB or what takes its line protocol."""

    url: HttpUrl
    api: Annotated[InfluxApi, Field(strict=False)] = InfluxApi.V2
    org: GivenWord = None
    bucket: GivenWord = None
    token: GivenSecret = None
    database: GivenWord = None
    retention_policy: GivenWord = None
    user: GivenWord = None
    password: GivenSecret = None
    ca: GivenText = None
    gzip: bool = False
    batch: Batch = 5_000
    every: Pace = 5.0
    timeout: Pace = 10.0
    outbox: Outbox = Outbox()


class Right(StrEnum):
    """What a token's bearer may do: `read`, or `operate`, which is to read and to write."""

    READ = "read"
    OPERATE = "operate"


class Exporters(Shape):
    """Where measurements go."""

    prometheus: Prometheus = Prometheus()
    influxdb: Influx | None = None


class Scope(Shape):
    """Communes that do not count for their province, each with the reason."""

    excluded: Annotated[dict[str, Text], Field(alias="except")] = {}


class WebTls(Shape):
    """What the listener proves itself with, and whose certificates those who ask must have."""

    certificate: Text
    key: Text
    client_ca: GivenText = None


class WebTokenEntry(Shape):
    """A token and what its bearer may do."""

    token: WebToken
    right: Annotated[Right, Field(strict=False)]


def _token_form(value: object) -> str:
    return "entry" if isinstance(value, dict) else "token"


AnyToken = Annotated[Annotated[WebToken, Tag("token")] | Annotated[WebTokenEntry, Tag("entry")], Discriminator(_token_form)]


def _one_each(tokens: dict[str, Secret | WebTokenEntry]) -> dict[str, Secret | WebTokenEntry]:
    one_each({name: given if isinstance(given, Secret) else given.token for name, given in tokens.items()})
    return tokens


class Web(Shape):
    """Who may read at the listener, and do something: a token each, whose name is the author."""

    read: Literal["open", "token"] = "open"
    tls: Annotated[WebTls | None, Given] = None
    tokens: Annotated[dict[TokenName, AnyToken], AfterValidator(_one_each)] = {}


class NetmonFile(Shape):
    """netmon.yaml."""

    province: Annotated[list[Province], BeforeValidator(one_or_many), AfterValidator(at_least_one)]
    poll: Poll = Poll()
    credentials: Annotated[dict[Id, AnyCredential], AfterValidator(at_least_one)]
    canaries: list[str] = []
    store: Store = Store()
    exporters: Exporters = Exporters()
    mqtt: Mqtt | None = None
    traps: Annotated[Traps | None, Given] = None
    control: Text | None = None
    scope: Scope = Scope()
    web: Web = Web()


# --- inventory/*.yaml -------------------------------------------------------------------------------------------------


class DeviceEntry(Shape):
    """A device of a site. What is left out comes from `poll`; one that speaks MQTT has neither address nor agent."""

    id: Id
    protocol: SpeechName = Speech.SNMP
    layout: Annotated[Id | None, Given] = None
    topic: Annotated[TopicPart | None, Given] = None
    feeds: Annotated[list[Word], BeforeValidator(one_or_many)] = []
    engine: EngineName = Engine.NETMON
    address: Address | None = None
    addresses: list[Address] = []
    port: PortNumber = 161
    credential: str | None = None
    profile: Text | None = None
    interval: Interval | None = None
    timeout: Patience | None = None
    retries: Retries | None = None
    upstreams: list[str] = []
    also_from: list[Address] = []
    ping: bool = False


class PortEntry(Shape):
    """An interface that witnesses one end of a link; without a device, that of the site's only one."""

    device: str | None = None
    interface: Interface


class Rates(Shape):
    """Contracted capacity, each way."""

    receive: Rate
    transmit: Rate


class DatedRates(Rates):
    """Contracted capacity from a day on."""

    valid_from: Day = Field(alias="from")


def _capacity_form(value: object) -> str:
    return "history" if isinstance(value, list) else "rates" if isinstance(value, dict) else "rate"


AnyCapacity = Annotated[
    Annotated[Rate, Tag("rate")] | Annotated[Rates, Tag("rates")] | Annotated[list[DatedRates], Tag("history")],
    Discriminator(_capacity_form),
]


class FormerSite(Shape):
    """The site that a link served until a day."""

    site: str
    until: Day


class LinkEntry(Shape):
    """A link from the site under which it stands to another."""

    id: Id
    to: str
    kind: LinkKindName
    role: LinkRoleName
    network: Text
    operator: str = ""
    circuit: str = ""
    capacity: AnyCapacity | None = None
    srlg: list[Text] = []
    since: Annotated[Day | None, Given] = None
    justification: GivenWord = None
    length: Annotated[Length | None, Given] = None
    receiver_limit: Annotated[ReceiverLimit | None, Given] = None
    former: list[FormerSite] = []
    near: PortEntry | None = None
    far: PortEntry | None = None
    check: Address | None = None


class CarrierEntry(Shape):
    """An operator on a mast."""

    operator: Word
    technologies: Annotated[list[Literal["2g", "3g", "4g", "5g"]], BeforeValidator(one_or_many)] = []
    on_air: Annotated[Day | None, Given] = None


class FormerCommune(Shape):
    """The commune that a site belonged to until a day."""

    commune: str
    until: Day


class SiteEntry(Shape):
    """A place, with the devices that stand there and the links that serve it."""

    id: Id
    name: Text
    commune: str
    former: list[FormerCommune] = []
    kind: SiteKindName
    room: Annotated[RoomName | None, Given] = None
    security_level: Annotated[SecurityLevel | None, Given] = None
    carriers: list[CarrierEntry] = []
    devices: list[DeviceEntry] = []
    links: list[LinkEntry] = []


class InventoryFile(Shape):
    """One of inventory/*.yaml."""

    sites: list[SiteEntry]
