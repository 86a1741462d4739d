"""Which columns may hold what deserves protection: a suggestion for a person to accept or refuse, never a fact and never a value.

A name alone is weak evidence, values alone too; both together are as much as can be said without knowing what the data is for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from factbook_sdk.facts.kinds.statistics_snapshot import Suggestion

LEAST_CONFIDENCE = 0.4
MOST_CONFIDENCE = 0.95

TypeFamily = Literal["text", "number", "date", "boolean", "binary", "other"]


class Category(msgspec.Struct, frozen=True):
    """What may be protected. ``names`` are sequences of words, found anywhere in a column's name; ``whole`` ones mean too much else to be
    found in a longer name, and ``anchored`` ones count only in a table about people, whole as well.

    ``pattern`` is the shape that proves or disproves the name; ``alone`` is the confidence that the shape gives without a name.
    """

    name: str
    title: str
    classification: Literal["personal", "sensitive", "secret"]
    types: frozenset[TypeFamily]
    names: tuple[str, ...]
    whole: tuple[str, ...] = ()
    anchored: tuple[str, ...] = ()
    pattern: str | None = None
    alone: float = 0.0


def suggest(
    name: str,
    data_type: str,
    pattern_shares: Mapping[str, float],
    *,
    table: str = "",
    checked: int | None = None,
    distinct_count: int | None = None,
) -> list[Suggestion]:
    """Return what a column probably holds, the surest first, one for each word of classification.

    ``pattern_shares`` are shares of its values that are not null, by the names in :mod:`factbook.profile.patterns`, and ``checked`` is how
    many values they are of: without it shapes can make a suggestion surer and never take it back. ``table`` is the table's name without
    its schema: a ``name`` in a table of customers is a person's.
    """
    if distinct_count is not None and distinct_count <= 1 and checked != distinct_count:
        return []
    family = type_family(data_type)
    words = _words(name)
    about_people = any(word in _PEOPLE for word in _words(table))
    found: dict[str, tuple[float, int, Suggestion]] = {}
    for category in CATEGORIES:
        if family != "other" and family not in category.types:
            continue
        phrase = _named(category, words, about_people)
        confidence, reasons = _weigh(category, phrase, pattern_shares.get(category.pattern or "", 0.0), checked)
        # "IP address" says more than "address": among equals the longer phrase.
        rank = (confidence, len(phrase or ""))
        if confidence >= LEAST_CONFIDENCE and rank > found.get(category.classification, (0.0, 0))[:2]:
            reason = f"probably {category.title}: {' and '.join(reasons)}"
            found[category.classification] = (*rank, Suggestion(category.classification, round(confidence, 2), reason))
    return [item for *_, item in sorted(found.values(), key=lambda entry: entry[:2], reverse=True)]


def _weigh(category: Category, phrase: str | None, share: float, checked: int | None) -> tuple[float, list[str]]:
    reasons = [f'the name says "{phrase}"'] if phrase else []
    is_decisive = category.pattern in _DECISIVE
    if category.pattern is None or (checked is not None and checked < _ENOUGH):
        return (_BY_NAME if phrase else 0.0), reasons
    shaped = [f"{share:.0%} of its values look like {category.title}"]
    if phrase and share >= 0.5:
        return min(MOST_CONFIDENCE, 0.75 + 0.2 * share), reasons + shaped
    if phrase:
        return (0.0 if is_decisive and checked is not None and share < 0.05 else _BY_NAME), reasons
    # Free text in which some values are addresses deserves a look as well, hence no high bar for what is decisive.
    return (category.alone * (0.6 + 0.4 * share) if share >= (0.2 if is_decisive else 0.6) else 0.0), shaped


def _named(category: Category, words: Sequence[str], about_people: bool) -> str | None:
    """Return the phrase of the category that the name holds, the longest first. A key to something is not the thing itself."""
    written = " ".join(words)
    if written in category.whole or (about_people and written in category.anchored):
        return written
    held = (phrase for phrase in category.names if f" {phrase} " in f" {written} ")
    if words and words[-1] in _REFERRING:
        held = (phrase for phrase in held if written.endswith(phrase))
    return max(held, key=len, default=None)


def _words(name: str) -> list[str]:
    """Return a name's words: split at underscores, other marks and changes of case, in lower case, without a number at the end."""
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", name)
    return [part.casefold() for part in parts if not part.isdigit()]


def type_family(data_type: str) -> TypeFamily:
    """Return what sort of values a declared type of any engine holds."""
    text = data_type.casefold()
    for family, pattern in _FAMILIES:
        if re.search(pattern, text):
            return family
    return "other"


_FAMILIES: tuple[tuple[TypeFamily, str], ...] = (
    ("boolean", r"^(bool|tinyint\(1\)|bit\b)"),
    ("date", r"date|time|^year|interval"),
    ("text", r"char|text|clob|string|enum|^set\b|json|xml|citext|uuid|inet|cidr|^name$"),
    ("binary", r"blob|binary|bytea|image|^raw"),
    ("number", r"int|numeric|decimal|number|float|double|real|money|serial"),
)
_BY_NAME = 0.6
_ENOUGH = 10
"""With fewer values than this a share says nothing."""
_DECISIVE = frozenset({"email", "iban", "credit_card", "ipv4"})
"""Shapes that nearly every value of such a column has and few others do; a phone number may be written in any way."""
_REFERRING = frozenset(
    {"id", "ids", "key", "fk", "ref", "count", "cnt", "num", "type", "flag", "is", "has", "at", "status", "format", "verified"}
)
_PEOPLE = frozenset(
    {"person", "persons", "people", "customer", "customers", "client", "clients", "employee", "employees", "staff", "user", "users",
     "member", "members", "patient", "patients", "contact", "contacts", "passenger", "passengers", "student", "students", "teacher",
     "teachers", "author", "authors", "actor", "actors", "applicant", "applicants", "candidate", "candidates", "account", "accounts",
     "profile", "profiles", "driver", "drivers", "guest", "guests", "subscriber", "subscribers", "participant", "participants",
     "kunde", "kunden", "mitarbeiter", "benutzer", "clientes", "cliente", "empleado", "empleados", "utilisateur", "utilisateurs",
     "personne", "personnes", "employes", "utente", "utenti", "klient", "klienci", "pracownik"}
)  # fmt: skip
_TEXT: frozenset[TypeFamily] = frozenset({"text"})
_TEXT_OR_NUMBER: frozenset[TypeFamily] = frozenset({"text", "number"})

CATEGORIES: tuple[Category, ...] = (
    Category(
        "email", "e-mail addresses", "personal", _TEXT,
        ("email", "e mail", "mail", "emailaddress", "email address", "mail address", "mailadresse", "correo", "courriel",
         "posta elettronica"), pattern="email", alone=0.85,
    ),
    Category(
        "phone", "telephone numbers", "personal", _TEXT_OR_NUMBER,
        ("phone", "telephone", "phonenumber", "phone number", "mobile number", "cellphone", "fax", "telefon", "telefonnummer", "telefax",
         "handy",
         "handynummer", "telefono", "téléphone", "celular", "movil", "móvil", "cellulare", "komorka"),
        whole=("tel", "mobile", "cell", "portable"), pattern="phone", alone=0.6,
    ),
    Category(
        "person_name", "names", "personal", _TEXT,
        ("first name", "firstname", "last name", "lastname", "surname", "given name", "givenname", "family name", "middle name",
         "full name",
         "fullname", "maiden name", "contact name", "customer name", "employee name", "person name", "patient name", "vorname", "nachname",
         "familienname", "geburtsname", "prenom", "prénom", "nom de famille", "apellido", "apellidos", "primer nombre", "cognome", "imie",
         "nazwisko", "voornaam", "achternaam"),
        anchored=("name", "fname", "lname", "nom", "nombre", "nome", "initials"),
    ),
    Category(
        "postal_address", "addresses", "personal", _TEXT_OR_NUMBER,
        ("address", "street", "addr", "street name", "house number", "postal code", "postalcode", "postcode", "zip", "zipcode", "zip code",
         "adresse", "anschrift", "strasse", "straße", "hausnummer", "plz", "postleitzahl", "code postal", "direccion", "dirección",
         "calle", "codigo postal", "indirizzo", "ulica"),
        whole=("rue", "via", "cap"),
        anchored=("city", "ort", "wohnort", "ville", "ciudad"),
    ),
    Category(
        "birth_date", "dates of birth", "personal", frozenset({"text", "date"}),
        ("birth date", "birthdate", "date of birth", "dob", "birthday", "birth day", "geburtsdatum", "geburtstag", "date naissance",
         "date de naissance", "fecha nacimiento", "fecha de nacimiento", "data di nascita", "data urodzenia"),
        whole=("born",),
    ),
    Category(
        "national_id", "numbers of identity", "sensitive", _TEXT_OR_NUMBER,
        ("ssn", "social security", "social security number", "passport", "passport number", "national id", "tax id", "tax number",
         "driving licence", "driver license", "license number", "ausweis", "ausweisnummer", "steuernummer", "steuer id", "reisepass",
         "sozialversicherungsnummer", "numero securite sociale", "dni", "nif", "curp", "cpf", "codice fiscale", "pesel", "bsn", "aadhaar"),
        whole=("tin",),
    ),
    Category(
        "bank_account", "bank accounts", "sensitive", _TEXT_OR_NUMBER,
        ("iban", "account number", "bank account", "bank account number", "kontonummer", "bankverbindung", "routing number", "sort code"),
        pattern="iban", alone=0.9,
    ),
    Category(
        "payment_card", "card numbers", "sensitive", _TEXT_OR_NUMBER,
        ("credit card", "creditcard", "card number", "cardnumber", "cc number", "ccnumber", "cvv", "cvc", "kreditkarte",
         "kreditkartennummer", "carte bancaire", "tarjeta"), whole=("pan",),
        pattern="credit_card", alone=0.8,
    ),
    Category(
        "income", "incomes", "sensitive", _TEXT_OR_NUMBER,
        ("salary", "wage", "wages", "income", "gehalt", "lohn", "einkommen", "salaire", "salario", "stipendio"),
    ),
    Category(
        "special", "special categories of data", "sensitive", frozenset({"text", "number", "boolean"}),
        ("gender", "ethnicity", "religion", "sexual orientation", "marital status", "diagnosis", "disease", "blood type",
         "disability", "nationality", "geschlecht", "konfession", "familienstand", "sexe", "sexo"),
        whole=("sex", "race"),
    ),
    Category(
        "credential", "credentials", "secret", frozenset({"text", "binary"}),
        ("password", "passwd", "pwd", "passwort", "kennwort", "mot de passe", "contrasena", "contraseña", "passphrase", "api key",
         "apikey", "private key", "access token", "refresh token", "auth token", "pin code", "haslo"), whole=("secret", "pin"),
    ),
    Category("user_name", "user names", "personal", _TEXT, ("username", "user name", "login name", "benutzername"), whole=("login",)),
    Category(
        "ip_address", "network addresses", "personal", _TEXT,
        ("ip address", "ip addr", "ipaddress", "remote addr", "client ip"), whole=("ip",), pattern="ipv4", alone=0.6,
    ),
    Category("image", "pictures of people", "personal", frozenset({"text", "binary"}), (), anchored=("photo", "picture", "portrait",
    "avatar", "bild", "foto")),
)  # fmt: skip
"""What is looked for. Names are words in lower case as :func:`suggest` splits them; more languages are more words."""
