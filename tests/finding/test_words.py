"""How names and texts become words, and where in a text the words of a question are."""

import pytest

from factbook.words import holds_all, marks, parse_question, words_of_name, words_of_text


def finds(question, name):
    asked = parse_question(question)
    found = words_of_name(name)
    return holds_all(asked.terms, found) or any(word.startswith(asked.compact) for word in found)


@pytest.mark.parametrize(
    "question", ["customer", "cust", "id", "customerid", "CustomerId", "customer_id", "customer id", "CUSTOMER-ID", "c i"]
)
@pytest.mark.parametrize("name", ["customer_id", "CustomerId", "customerID", "customer id"])
def test_a_name_is_found_however_it_is_written(question, name):
    assert finds(question, name)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("muller", "Müller"),
        ("MÜLLER", "muller"),
        ("strasse", "Straße"),
        ("cafe", "café_bar"),
        ("address 2", "address2"),
        ("注文", "顧客注文"),
        ("顧客注文明細一覧表示", "顧客注文明細一覧表示"),
        ("طلبات", "طلبات_العملاء"),
        ("клиент", "КЛИЕНТЫ"),
        ("ＡＢＣ", "abc"),
    ],
)
def test_accents_case_and_scripts_fold_alike(question, name):
    assert finds(question, name)


def test_a_word_is_found_by_its_beginning_and_not_by_its_middle():
    assert not finds("ustomer", "customer_id")
    assert not finds("customer email", "customer_id")


@pytest.mark.parametrize("text", ["", " ", '"', "*", "😀😀", "\x00", "___", "' OR 1=1 --"[:1], "()", "!!&&||"])
def test_a_text_without_a_word_asks_for_nothing(text):
    assert parse_question(text) is None


def test_a_question_has_so_many_words_and_no_more():
    assert len(parse_question(" ".join(f"w{number}" for number in range(100))).terms) == 16


def marked(text, question, **options):
    found, place = "", 0
    for start, end in marks(text, parse_question(question), **options):
        found += f"{text[place:start]}[{text[start:end]}]"
        place = end
    return found + text[place:]


def test_marks_stand_where_the_words_are():
    assert marked("CustomerId", "id") == "Customer[Id]"
    assert marked("customer_id", "customerid", is_name=True) == "[customer_id]"
    assert marked("customer_id", "cust i") == "[cust]omer_[i]d"
    assert marked("Der Müller und der Mühlstein", "mul") == "Der [Mül]ler und der Mühlstein"
    assert marked("Große Straße", "strass") == "Große [Straß]e"
    assert marked("顧客注文", "注文") == "顧客[注文]"
    assert marked("<b>email</b>", "email b") == "<[b]>[email]</[b]>"
    assert marked("nothing here", "else") == "nothing here"


def test_the_words_of_a_long_text_are_bounded():
    assert len(words_of_text("x" * 100_000)) == 1
    assert max(map(len, words_of_text("x" * 100_000))) == 64
