"""Codes for links: readable aloud, not guessable, and never with a character that a chat swallows."""

import random

import pytest

from domain.codes import ALPHABET, is_code, new_code


def test_a_code_has_eight_characters_that_nobody_mistakes_for_another():
    code = new_code()
    assert len(code) == 8
    assert is_code(code)
    assert not set("0O1lI_") & set(ALPHABET)
    assert len(set(ALPHABET)) == len(ALPHABET) == 57


def test_ten_thousand_codes_are_all_different_and_use_the_whole_alphabet():
    codes = {new_code() for _ in range(10_000)}
    assert len(codes) == 10_000
    assert set("".join(codes)) == set(ALPHABET)


def test_a_demo_repeats_its_codes():
    first, second = random.Random(7), random.Random(7)
    assert new_code(12, choose=first.choice) == new_code(12, choose=second.choice)


@pytest.mark.parametrize("text", ["k3J9xQ", "0OIl", "a" * 32])
def test_letters_and_digits_of_a_sensible_length_may_be_a_code(text):
    assert is_code(text)


@pytest.mark.parametrize(
    "text", ["", "abc", "a" * 33, "abc_defg", "abc-defg", "abc defg", "abcdefg\n", "代码代码", "../../etc"]
)
def test_anything_else_is_not_even_looked_up(text):
    assert not is_code(text)
