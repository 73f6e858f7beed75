import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import stance
from stance.articles import Article, decode, read_article
from stance.errors import NetworkError, ReadError
from tests.conftest import ROOT

SAMPLE = ROOT / "stance" / "data" / "sample" / "article.html"


def test_html_gives_the_story_its_title_and_date():
    article = read_article(SAMPLE)
    assert article.date == date(2024, 9, 6)
    assert article.date_from == "page"
    assert article.title.startswith("Cooper chairs summit")
    assert "A deterrent mechanism is imperative." in article.text
    assert "Home Politics" not in article.text


def test_a_text_is_kept_to_the_character(tmp_path):
    text = "First line.\r\n\r\nSoft\u00adhyphen, zero\u200bwidth, emoji 🙂.\nEnd "
    path = tmp_path / "story_2024-09-06.txt"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    article = read_article(path)
    assert article.text == text
    assert (article.date, article.date_from) == (date(2024, 9, 6), "file name")
    assert read_article(path, date="2025-01-02").date == date(2025, 1, 2)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.txt", b" \n", "empty"),
        ("image.txt", b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        ("paper.txt", b"%PDF-1.7 abc", "binary"),
        ("zeros.txt", b"abc\x00\x01\x02", "binary"),
        ("menu.html", b"<html><body><nav><a href='/'>Home</a></nav></body></html>", "no article"),
        ("blank.html", b"<!doctype html><title>x</title>", "no article"),
    ],
)
def test_what_is_no_article_gets_one_clear_error(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReadError, match=words):
        read_article(tmp_path / name)


def test_missing_files_folders_and_dates(tmp_path):
    with pytest.raises(ReadError, match="no such file"):
        read_article(tmp_path / "none.txt")
    with pytest.raises(ReadError, match="folder"):
        read_article(tmp_path)
    with pytest.raises(ReadError, match="'yesterday' is not an ISO date"):
        Article("a story", date="yesterday")


def test_other_encodings_are_recognised():
    text = "The minister’s café bill – £40 – was “naïve”, she said. " * 5
    assert decode(text.encode("cp1252"), "x") == text
    assert decode(text.encode("utf-16"), "x") == text


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path == "/story.html"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(SAMPLE.read_bytes() if found else b"gone")

        def log_message(self, *_):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()


def test_a_url_is_fetched_and_its_errors_are_clear(server):
    article = stance.read_article(f"{server}/story.html")
    assert article.url == article.source == f"{server}/story.html"
    assert article.date == date(2024, 9, 6)
    with pytest.raises(NetworkError, match="404"):
        read_article(f"{server}/none.html")
    with pytest.raises(NetworkError, match="could not be fetched"):
        read_article("http://127.0.0.1:9/story.html")


@pytest.mark.parametrize(
    ("head", "foot", "day"),
    [
        ("", "© 2024 Testham Gazette", "2024-09-06"),  # the file's name
        ("", "On 4 July 2023 the party said so.", "2024-09-06"),
        ('<meta property="article:published_time" content="2024-09-05T23:30:00+01:00">', "© 2024", "2024-09-05"),
    ],
)
def test_a_copyright_or_a_date_in_the_story_is_not_the_pages_date(tmp_path, head, foot, day):
    story = "The harbour at Testham will close in March, the council said on Monday, and nobody was told. " * 8
    page = f"<html><head><title>T</title>{head}</head><body><article><h1>T</h1><p>{story}</p></article><footer>{foot}"
    (tmp_path / "story-2024-09-06.html").write_text(page + "</footer></body></html>", encoding="utf-8")
    article = read_article(tmp_path / "story-2024-09-06.html")
    assert str(article.date) == day
    assert article.date_from == ("page" if head else "file name")
