#!/usr/bin/env python3
"""Makes a company with links, waits until the edge knows them, and says its key and codes in lines of the contestants' protocol."""

import argparse
import json
import secrets
import time
import urllib.error
import urllib.request

LINKS = 200
DOMAIN = "https://demo-store.example"
KNOWN_LIMIT_S = 30


def post(url, body, key=None):
    headers = {"Content-Type": "application/json", **({"x-api-key": key} if key else {})}
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10) as answer:
        return json.load(answer)["data"]


def knows(edge, code):
    try:
        return post(f"{edge}/track/click", {"code": code, "landingPage": DOMAIN}).get("tracked")
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return False
        raise


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("api")
    parser.add_argument("edge", help="where clicks go: it follows what the API has made within a second")
    chosen = parser.parse_args()
    tag = secrets.token_hex(4)
    company = {"name": "Bench", "domain": DOMAIN, "email": f"owner-{tag}@example.com"}
    key = post(f"{chosen.api}/companies/register", company)["apiKey"]
    links = ({"affiliateEmail": f"p{number}-{tag}@example.com", "code": f"B{tag}-{number}"} for number in range(LINKS))
    codes = [post(f"{chosen.api}/companies/links", link, key)["code"] for link in links]
    deadline = time.monotonic() + KNOWN_LIMIT_S
    while not knows(chosen.edge, codes[-1]):
        if time.monotonic() > deadline:
            raise SystemExit(f"{chosen.edge} does not know the company's links after {KNOWN_LIMIT_S} s")
        time.sleep(0.1)
    print(f"key {key}")
    print(f"affiliate p0-{tag}@example.com")
    for code in codes:
        print(f"code {code}")


if __name__ == "__main__":
    main()
