#!/usr/bin/env python3
"""Writes the customers that the examples mask. All of them are invented.

The CSV files come out the same on every machine; the Parquet files need pyarrow and depend on its
version. `generate.py` writes both, `generate.py --csv` the CSV files alone.
"""

import csv
import datetime as dt
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE / "customers"
SEEDS = HERE.parent / "udfs" / "seeds"
CUSTOMERS = 1200
FIRST_ID = 100001

HEADER = [
    "customer_id", "first_name", "last_name", "gender", "email", "phone", "birth_date", "street",
    "city", "zip", "country", "iban", "segment", "signup_at", "balance", "notes",
]  # fmt: skip

# Names that the seed files, which are ASCII, do not have.
ACCENTED = [
    ("Zoë", "Müller", "f"), ("José", "Núñez", "m"), ("Søren", "Kjær", "m"), ("Łucja", "Wójcik", "f"),
    ("Renée", "Lefèvre", "f"), ("Jürgen", "Strauß", "m"), ("Çağla", "Yıldız", "f"),
    ("Ngaio", "Te Rangi-Āwhina", "f"), ("李", "小龍", "m"), ("Анна", "Иванова", "f"),
    ("Siobhán", "Ó Briain", "f"), ("Björk", "Guðmundsdóttir", "f"), ("さくら", "田中", "f"),
]  # fmt: skip

EUROPE = [
    ("Hauptstraße", "Köln", "50667", "DE"), ("Lindenweg", "Leipzig", "04109", "DE"),
    ("Rue de l'Église", "Lyon", "69002", "FR"), ("Avenue Foch", "Nancy", "54000", "FR"),
    ("Calle Mayor", "Málaga", "29001", "ES"), ("Kongens Gate", "Tromsø", "9008", "NO"),
]  # fmt: skip

NOTES = [
    "Prefers e-mail.",
    "Asked for a call back on {phone}, mornings only.",
    'Says "never on Fridays", please respect it.',
    "Moved house.\nOld invoices go to the new address.",
    "Line one, with a comma;\nline two, with {phone}\n\nlast line",
    "Loyal since the shop on the corner; café owner ☕",
    "Do not call, write.",
]

ITEMS = ["kettle", "lamp", "desk, oak", "chair", "rug 2×3 m", "shelf", 'screen 27"', "mug", "clock"]


class Chance:
    """Draws from `random()` alone, whose sequence Python promises to keep for a seed."""

    def __init__(self, seed):
        self.source = random.Random(seed)

    def below(self, limit):
        return int(self.source.random() * limit)

    def one_of(self, items):
        return items[self.below(len(items))]

    def in_a_hundred(self, percent):
        return self.below(100) < percent

    def digits(self, count):
        return "".join(str(self.below(10)) for _ in range(count))


def seed(name):
    with open(SEEDS / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def phone(chance):
    """A number of the range that North America keeps for fiction: 555-0100 to 555-0199."""
    return f"+1-{chance.one_of(['212', '415', '617', '907'])}-555-01{chance.digits(2)}"


def iban(chance, country):
    """Looks like an IBAN and is none: check digits are never 00."""
    digits = chance.digits(18)
    return f"{country}00 {digits[:4]} {digits[4:8]} {digits[8:12]} {digits[12:16]} {digits[16:]}"


def place(chance, addresses):
    if chance.in_a_hundred(20):
        street, city, code, country = chance.one_of(EUROPE)
        return f"{street} {chance.below(180) + 1}", city, code, country
    country = chance.one_of(["US", "US", "US", "AU", "NZ"])
    row = chance.one_of(addresses[country])
    return row["street_address"], row["city"], row["postcode"], country


def customers():
    chance = Chance("customers")
    first_names = seed("DataMasque_firstNames_mixed.csv")
    last_names = [row["lastname"] for row in seed("DataMasque_lastNames_v2.csv")]
    addresses = {
        "US": seed("DataMasque_US_addresses.csv"),
        "AU": seed("DataMasque_AU_addresses_real.csv"),
        "NZ": seed("DataMasque_NZ_addresses_real.csv"),
    }
    for number in range(CUSTOMERS):
        given = chance.one_of(first_names)
        first, last, gender = given["firstname-mixed"], chance.one_of(last_names), given["gender"]
        if chance.in_a_hundred(6):
            first, last, gender = chance.one_of(ACCENTED)
        ascii_name = f"{first}.{last}".encode("ascii", "ignore").decode().replace(" ", "").strip(".")
        mail = f"{ascii_name.lower() or 'customer'}{number}@{chance.one_of(['example.com', 'example.org'])}"
        number_called = phone(chance)
        street, city, code, country = place(chance, addresses)
        born = dt.date(1940, 1, 1) + dt.timedelta(days=chance.below(24000))
        signed_up = dt.datetime(2019, 1, 1) + dt.timedelta(seconds=chance.below(6 * 365 * 86400))
        note = chance.one_of(NOTES).format(phone=number_called)
        yield {
            "customer_id": FIRST_ID + number * 7,
            "first_name": first,
            "last_name": last,
            "gender": gender,
            # None is null, an unquoted empty field; "" is an empty string, a quoted one.
            "email": chance.one_of([None, ""]) if chance.in_a_hundred(6) else mail,
            "phone": None if chance.in_a_hundred(9) else number_called,
            "birth_date": None if chance.in_a_hundred(3) else born,
            "street": street,
            "city": city,
            "zip": code,
            "country": country,
            "iban": None if chance.in_a_hundred(25) else iban(chance, country),
            "segment": chance.one_of(["private", "private", "private", "business", "vip"]),
            "signup_at": signed_up,
            "balance": f"{chance.below(2_000_000) / 100 - 2000:.2f}",
            "notes": note if chance.in_a_hundred(14) else chance.one_of([None, None, None, ""]),
        }


def text(value):
    """A field of a CSV record: null is empty, an empty string is quoted."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.isoformat() + "Z"
    value = str(value)
    if value == "" or any(mark in value for mark in ',;"\n'):
        return '"' + value.replace('"', '""') + '"'
    return value


def write_csv(path, header, rows, delimiter=","):
    lines = [delimiter.join(header)]
    lines += [delimiter.join(text(row[column]) for column in header) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")


def orders(chance, people, month):
    cards = [row["credit_card_number"] for row in seed("DataMasque_credit_card_numbers.csv")]
    for number in range(160):
        person = chance.one_of(people)
        card = chance.one_of(cards)
        moment = dt.datetime(2025, month, 1) + dt.timedelta(seconds=chance.below(28 * 86400))
        yield {
            "order_id": f"{2025}{month:02}{number:04}",
            "customer_id": person["customer_id"],
            "last_name": person["last_name"],
            "ordered_at": moment,
            "item": chance.one_of(ITEMS),
            "quantity": chance.below(4) + 1,
            "amount": f"{chance.below(90000) / 100 + 5:.2f}",
            "card_number": " ".join(card[at : at + 4] for at in range(0, len(card), 4)),
        }


def zoned(moment):
    return moment.replace(tzinfo=dt.timezone.utc)


def write_customers(people):
    import decimal

    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = Chance("phones")

    def phones(person):
        if person["phone"] is None:
            return chance.one_of([None, []])
        numbers = [{"kind": "home", "number": person["phone"]}]
        if chance.in_a_hundred(40):
            numbers.append({"kind": "mobile", "number": phone(chance)})
        return numbers

    schema = pa.schema([
        pa.field("customer_id", pa.int64(), nullable=False),
        ("first_name", pa.string()),
        ("last_name", pa.string()),
        ("gender", pa.dictionary(pa.int32(), pa.string())),
        ("email", pa.string()),
        ("birth_date", pa.date32()),
        ("signup_at", pa.timestamp("us", tz="UTC")),
        ("balance", pa.decimal128(12, 2)),
        ("vip", pa.bool_()),
        ("address", pa.struct([
            ("street", pa.string()), ("city", pa.string()), ("zip", pa.string()), ("country", pa.string()),
        ])),
        ("phones", pa.list_(pa.struct([("kind", pa.string()), ("number", pa.string())]))),
    ])  # fmt: skip
    rows = [
        {
            **person,
            "signup_at": zoned(person["signup_at"]),
            "balance": decimal.Decimal(person["balance"]),
            "vip": person["segment"] == "vip",
            "address": {key: person[key] for key in ["street", "city", "zip", "country"]},
            "phones": phones(person),
        }
        for person in people
    ]
    table = pa.Table.from_pylist(rows, schema=schema)
    pq.write_table(
        table,
        OUT / "customers.parquet",
        row_group_size=400,
        compression={
            column: "snappy" if column in ("customer_id", "balance", "vip") else "zstd"
            for column in [
                "customer_id", "first_name", "last_name", "gender", "email", "birth_date", "signup_at",
                "balance", "vip", "address.street", "address.city", "address.zip", "address.country",
                "phones.list.element.kind", "phones.list.element.number",
            ]
        },
        write_page_index=True,
    )  # fmt: skip


def write_events(people):
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = Chance("events")
    agents = ["Firefox on Linux", "Safari on iPhone", "Chrome on Windows", "app 4.2 on Android"]
    events = {
        "event_id": pa.array(range(300), pa.int64()),
        "customer_id": pa.array([chance.one_of(people)["customer_id"] for _ in range(300)], pa.int64()),
        "at": pa.array(
            [zoned(dt.datetime(2025, 6, 1) + dt.timedelta(seconds=40 * n)) for n in range(300)],
            pa.timestamp("ms", tz="UTC"),
        ),
        # Addresses that are kept for documentation (RFC 5737).
        "ip": pa.array([f"{chance.one_of(['192.0.2', '203.0.113'])}.{chance.below(256)}" for _ in range(300)]),
        "device_id": pa.array([f"device-{chance.digits(8)}" for _ in range(300)]),
        "session_id": pa.array([f"{chance.digits(12)}" for _ in range(300)]),
        "user_agent": pa.array([chance.one_of(agents) for _ in range(300)]),
    }
    for number in range(1, 34):
        values = [chance.below(50) if chance.in_a_hundred(30) else None for _ in range(300)]
        events[f"metric_{number:02}"] = pa.array(values, pa.float64() if number % 3 == 0 else pa.int32())
    pq.write_table(pa.table(events), OUT / "events.parquet", row_group_size=150, compression="snappy")


def main():
    people = list(customers())
    write_csv(OUT / "customers.csv", HEADER, people)
    chance = Chance("orders")
    for month in range(1, 5):
        rows = list(orders(chance, people, month))
        write_csv(OUT / "orders" / f"2025-{month:02}.csv", list(rows[0]), rows, delimiter=";")
    if sys.argv[1:] != ["--csv"]:
        write_customers(people)
        write_events(people)
    for path in sorted(OUT.rglob("*.*")):
        print(f"{path.relative_to(HERE)}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
