#!/usr/bin/env python3
"""Writes the seed files that `from_file` ships with, from the word lists in `words/`.

Only the standard library; the same bytes on every machine and Python version.
`generate.py` writes, `generate.py --check` compares and fails if a file is stale.
"""

import csv
import hashlib
import io
import sys
from pathlib import Path

HERE = Path(__file__).parent
ADDRESSES_PER_COUNTRY = 1200


class Picker:
    """A stream of choices that depends on its label alone, unlike `random`, which may change."""

    def __init__(self, label):
        self.label = label
        self.count = 0

    def below(self, limit):
        self.count += 1
        digest = hashlib.sha256(f"{self.label}:{self.count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def one_of(self, items):
        return items[self.below(len(items))]

    def shuffled(self, items):
        items = list(items)
        for last in range(len(items) - 1, 0, -1):
            other = self.below(last + 1)
            items[last], items[other] = items[other], items[last]
        return items


def read(name):
    return (HERE / "words" / name).read_text(encoding="ascii")


def words(name):
    """A list of single words, each once, sorted."""
    return sorted(set(read(name).split()))


def lines(name):
    """A list of phrases, one a line, in the order of the file."""
    return read(name).splitlines()


def distinct(count, make):
    """The first `count` different values of `make()`."""
    found = {}
    while len(found) < count:
        found.setdefault(make(), None)
    return list(found)


def first_names():
    names = [(name, "f") for name in words("first_names_f.txt")]
    names += [(name, "m") for name in words("first_names_m.txt")]
    return sorted(names)


def us_addresses():
    pick = Picker("us")
    streets = words("street_words.txt")
    kinds = ["St", "Ave", "Rd", "Dr", "Ln", "Ct", "Blvd", "Way", "Pl", "Ter"]
    areas = ["Heights", "Park", "Village", "Hills", "Gardens", "Point", "Square", "Commons"]

    def one():
        city, state, prefix = pick.one_of(lines("places_us.txt")).split(",")
        street = f"{pick.below(9800) + 100} {pick.one_of(streets)} {pick.one_of(kinds)}"
        suburb = f"{pick.one_of(streets)} {pick.one_of(areas)}"
        return (street, city, suburb, state, f"{prefix}{pick.below(99) + 1:02}")

    return distinct(ADDRESSES_PER_COUNTRY, one)


def suburb_addresses(country):
    """Addresses of Australia and New Zealand, where a suburb decides the postcode."""
    pick = Picker(country)
    streets = words("street_words.txt")
    kinds = ["Street", "Road", "Avenue", "Place", "Crescent", "Parade", "Court", "Terrace", "Lane"]

    def one():
        suburb, city, state, postcode = pick.one_of(lines(f"places_{country}.txt")).split(",")
        number = f"{pick.below(299) + 1}"
        if pick.below(6) == 0:
            number = f"{pick.below(24) + 1}/{number}"
        street = f"{number} {pick.one_of(streets)} {pick.one_of(kinds)}"
        return (street, city, suburb, state, postcode)

    return distinct(ADDRESSES_PER_COUNTRY, one)


def br_addresses():
    """Addresses of Brazil, where the first three digits of a CEP go with the quarter's part of a city."""
    pick = Picker("br")
    streets = lines("streets_br.txt")

    def one():
        suburb, city, state, prefix = pick.one_of(lines("places_br.txt")).split(",")
        street = f"{pick.one_of(streets)} {pick.below(1990) + 10}"
        return (street, city, suburb, state, f"{prefix}{pick.below(100):02}-{pick.below(1000):03}")

    return distinct(ADDRESSES_PER_COUNTRY, one)


def in_addresses():
    """Addresses of India, where the first three digits of a PIN are the city's sorting district."""
    pick = Picker("in")
    streets = lines("streets_in.txt")
    kinds = ["Road", "Street", "Marg", "Lane", "Cross Road", "Main Road", "Nagar Road"]

    def one():
        suburb, city, state, prefix = pick.one_of(lines("places_in.txt")).split(",")
        number = f"{pick.below(499) + 1}"
        if pick.below(4) == 0:
            number = f"{number}/{pick.below(24) + 1}"
        street = f"{number} {pick.one_of(streets)} {pick.one_of(kinds)}"
        return (street, city, suburb, state, f"{prefix}0{pick.below(60) + 1:02}")

    return distinct(ADDRESSES_PER_COUNTRY, one)


def names_of(country, kind):
    """The names of a country's list that are given to women (`f`), men (`m`) or families (`l`)."""
    listed = (line.split() for line in lines(f"names_{country}.txt"))
    return sorted({name for sort, *names in listed if sort == kind for name in names})


def first_names_of(country):
    return sorted((name, kind) for kind in "fm" for name in names_of(country, kind))


def companies(country, count, forms):
    pick = Picker(f"companies {country}")
    heads = words("company_words.txt")
    trades = lines("company_trades.txt")
    return distinct(
        count,
        lambda: (f"{pick.one_of(heads)} {pick.one_of(trades)} {pick.one_of(forms)}".strip(),),
    )


def cities():
    countries = {alpha_2: name for name, alpha_2, _ in country_codes()}
    rows = {(city, state, "United States") for city, state, _ in split("places_us.txt")}
    rows |= {(city, state, "Australia") for _, city, state, _ in split("places_au.txt")}
    rows |= {(city, state, "New Zealand") for _, city, state, _ in split("places_nz.txt")}
    for line in lines("cities_world.txt"):
        alpha_2, names = line.split(" ", 1)
        rows |= {(city, "", countries[alpha_2]) for city in names.split(",")}
    return sorted(rows)


def split(name):
    return [line.split(",") for line in lines(name)]


def country_codes():
    return [tuple(line.rsplit(" ", 2)) for line in lines("countries.txt")]


def email_suffixes():
    """All under `example`, a top-level domain that never resolves (RFC 2606)."""
    return [(f"@{name}.example",) for name in words("email_names.txt")]


def emails():
    pick = Picker("emails")
    first = [name.lower() for name, _ in first_names()]
    last = [name.lower() for name in words("last_names.txt")]
    suffixes = [suffix for (suffix,) in email_suffixes()]
    return distinct(
        1000,
        lambda: (f"{pick.one_of(first)}.{pick.one_of(last)}{pick.one_of(suffixes)}",),
    )


# Prefixes that payment providers' own documentation uses for test cards.
CARDS = [
    ("400000", "Visa", 16),
    ("411111", "Visa", 16),
    ("555555", "Mastercard", 16),
    ("510510", "Mastercard", 16),
    ("378282", "American Express", 15),
    ("371449", "American Express", 15),
    ("601111", "Discover", 16),
    ("353011", "JCB", 16),
    ("305693", "Diners Club", 14),
]


def luhn_digit(digits):
    """The check digit of ISO/IEC 7812-1 annex B for the digits before it."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def card_numbers():
    pick = Picker("cards")

    def one():
        prefix, brand, length = pick.one_of(CARDS)
        body = prefix + "".join(str(pick.below(10)) for _ in range(length - len(prefix) - 1))
        return (body + luhn_digit(body), brand)

    return distinct(1000, one)


def files():
    """Every seed file: name, header, rows."""
    address = ["street_address", "city", "suburb", "state", "postcode"]
    yield "DataMasque_firstNames_mixed.csv", ["firstname-mixed", "gender"], first_names()
    yield "DataMasque_lastNames_v2.csv", ["lastname"], [(name,) for name in words("last_names.txt")]
    yield "DataMasque_US_addresses.csv", address, us_addresses()
    yield "DataMasque_AU_addresses_real.csv", address, suburb_addresses("au")
    yield "DataMasque_NZ_addresses_real.csv", address, suburb_addresses("nz")
    yield "DataMasque_cities.csv", ["city", "state", "country"], cities()
    yield "DataMasque_country_codes.csv", ["name", "alpha_2", "alpha_3"], country_codes()
    for name, country, count, forms in [
        ("DataMasque_companies.csv", "any", 1500, ["Inc", "LLC", "Ltd", "Group", "Corp", "& Co", ""]),
        ("DataMasque_AU_companies.csv", "au", 500, ["Pty Ltd", "Limited", "Group"]),
        ("DataMasque_NZ_companies.csv", "nz", 500, ["Limited", "Ltd", "Group"]),
    ]:
        yield name, ["company"], companies(country, count, forms)
    occupations = [(name,) for name in lines("occupations.txt")]
    yield "DataMasque_occupations.csv", ["occupation"], occupations
    yield "DataMasque_fake_email_suffixes.csv", ["email_suffix"], email_suffixes()
    yield "DataMasque_email_suffixes.csv", ["email_suffix"], email_suffixes()
    yield "DataMasque_emails.csv", ["email"], emails()
    yield "DataMasque_credit_card_numbers.csv", ["credit_card_number", "brand"], card_numbers()
    yield "DataMasque_credit_card_prefixes.csv", ["prefix", "brand", "length"], CARDS
    yield "DataMasque_BR_addresses.csv", address, br_addresses()
    yield "DataMasque_IN_addresses.csv", address, in_addresses()
    for country, forms in [
        ("BR", ["Ltda", "SA", "ME", "EIRELI"]),
        ("IN", ["Pvt Ltd", "Private Limited", "Limited", "LLP"]),
        ("US", ["Inc", "LLC", "Corp", "Co", "Group"]),
    ]:
        name = f"DataMasque_{country}_companies.csv"
        yield name, ["company"], companies(country.lower(), 500, forms)
    for country in ["AU", "BR", "IN", "NZ", "US"]:
        first = first_names_of(country.lower())
        yield f"DataMasque_{country}_firstNames_mixed.csv", ["firstname-mixed", "gender"], first
        last = [(name,) for name in names_of(country.lower(), "l")]
        yield f"DataMasque_{country}_lastNames.csv", ["lastname"], last


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for name, header, rows in files():
        if len(set(rows)) != len(rows):
            sys.exit(f"{name} holds a row twice")
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *rows])
        content = text.getvalue().encode("ascii")
        path = HERE / name
        if not check:
            path.write_bytes(content)
            print(f"{name}: {len(rows)} rows, {len(content)} bytes")
        elif not path.exists() or path.read_bytes() != content:
            stale.append(name)
    if stale:
        sys.exit(f"stale, run udfs/seeds/generate.py: {', '.join(stale)}")


if __name__ == "__main__":
    main()
