"""Logins to the stand-in app: cookies, tokens, and what is refused."""

from __future__ import annotations

import pytest

from tests.integration.standin.app import Start, log_in, wait_for

pytestmark = pytest.mark.integration


def test_a_login_sets_two_cookies_and_survives_in_redis(start: Start, redis: str) -> None:
    with start(USE_REDIS="true", REDIS_URI=redis) as app:
        login = app.http.post("/api/auth/login", json={"email": "a@example.org", "password": "x"})
        cookies = login.headers.get_list("set-cookie")
    token = login.cookies["refreshToken"]

    assert [cookie.split("=")[0] for cookie in cookies] == ["refreshToken", "token_provider"]
    assert all("HttpOnly" in cookie and "Secure" in cookie for cookie in cookies)
    with start(USE_REDIS="true", REDIS_URI=redis) as another:
        again = another.http.post("/api/auth/refresh", headers={"Cookie": f"refreshToken={token}"})
    assert again.json()["user"] == {"email": "a@example.org"}


def test_the_client_is_the_last_address_that_a_proxy_added(start: Start) -> None:
    with start() as app:
        forwarded = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9"}
        assert app.http.post("/api/echo", headers=forwarded).json()["ip"] == "203.0.113.9"


def test_the_openid_callback_redirects_with_cookies(start: Start) -> None:
    with start(DOMAIN_CLIENT="https://chat.example.org") as app:
        callback = app.http.get("/oauth/openid/callback?code=1", follow_redirects=False)

    assert (callback.status_code, callback.headers["location"]) == (302, "https://chat.example.org")
    assert len(callback.headers.get_list("set-cookie")) == 2


def test_logins_are_refused_in_librechats_words(start: Start) -> None:
    expected = {
        "you@example.org": (404, "Incorrect password."),
        "nobody@example.org": (404, "Email does not exist."),
        "unverified@example.org": (422, "Email not verified."),
        "banned@example.org": (403, "temporarily banned"),
        "hasty@example.org": (429, "Too many login attempts"),
        "": (404, "Missing credentials"),
    }
    with start() as app:
        for email, (status, words) in expected.items():
            refused = app.http.post("/api/auth/login", json={"email": email, "password": "a guess"})
            assert refused.status_code == status
            assert words in refused.json()["message"]
            assert "set-cookie" not in refused.headers


def test_a_token_ends_and_the_session_gives_another_until_the_logout(start: Start) -> None:
    with start(SESSION_EXPIRY="1") as app:
        session = {"Cookie": f"refreshToken={log_in(app).cookies['refreshToken']}"}
        assert wait_for(lambda: app.http.get("/api/models").status_code == 401)
        assert app.http.post("/api/auth/refresh", headers=session).json()["token"]
    with start() as app:
        session = {"Cookie": f"refreshToken={log_in(app).cookies['refreshToken']}"}
        assert app.http.post("/api/auth/logout", headers=session).json() == {"message": "Logout successful"}
        assert app.http.post("/api/auth/refresh", headers=session).status_code == 401
