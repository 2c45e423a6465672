use std::time::Instant;

use super::*;

const DESKTOP: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

#[test]
fn people_are_not_robots() {
    let agents = Agents::new(7);
    for (agent, device) in [
        (DESKTOP, Device::Desktop),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
            Device::Desktop,
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0", Device::Desktop),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
            Device::Desktop,
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
            Device::Desktop,
        ),
        ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; SLCC2; Tablet PC 2.0)", Device::Desktop),
        ("Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.16", Device::Desktop),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            Device::Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
            Device::Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803.041; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/121.0.0.0 Mobile Safari/537.36 Instagram 317.0.0.34.109 Android",
            Device::Mobile,
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; CUBOT NOTE 21) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
            Device::Mobile,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/318.0 Mobile/15E148 Safari/604.1",
            Device::Mobile,
        ),
        ("Mozilla/5.0 (Android 14; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0", Device::Mobile),
        (
            "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            Device::Mobile,
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            Device::Tablet,
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
            Device::Tablet,
        ),
        ("Mozilla/5.0 (Android 13; Tablet; rv:120.0) Gecko/120.0 Firefox/120.0", Device::Tablet),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/6.0 TV Safari/537.36",
            Device::Tv,
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTSSS Build/PS7233) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Mobile Safari/537.36",
            Device::Tv,
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
            Device::Tv,
        ),
    ] {
        assert_eq!(agents.classify(Some(agent.as_bytes())), Agent { bot: false, device }, "{agent}");
    }
}

#[test]
fn robots_are() {
    let agents = Agents::new(7);
    for agent in [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "WhatsApp/2.23.20.0",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "curl/8.14.1",
        "python-requests/2.32.3",
        "Go-http-client/2.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "-",
        " ",
        "",
    ] {
        assert!(agents.classify(Some(agent.as_bytes())).bot, "{agent:?}");
    }
    assert_eq!(agents.classify(None), Agent { bot: true, device: Device::Other });
    let missed: Vec<_> = include_str!("../../data/crawler-user-agents-seen.txt")
        .lines()
        .filter(|agent| !agents.judge(agent.as_bytes()).bot)
        .collect();
    assert_eq!(missed, Vec::<&str>::new());
}

/// Of the 558 that a public site met in May 2015, as many as the lists' own JavaScript finds.
#[test]
fn a_real_log_has_as_many_robots_as_the_lists_find() {
    let Ok(log) = std::fs::read_to_string("../../shared/data/access.log") else {
        return;
    };
    let seen: std::collections::BTreeSet<_> =
        log.lines().filter_map(|line| line.strip_suffix('"')?.rsplit('"').next()).collect();
    let agents = Agents::new(7);
    let judged: Vec<_> = seen.iter().map(|agent| agents.classify(Some(agent.as_bytes()))).collect();
    let robots = judged.iter().filter(|agent| agent.bot).count();
    println!("{robots} of {} user agents are robots", seen.len());
    for device in [Device::Desktop, Device::Mobile, Device::Tablet, Device::Tv, Device::Other] {
        let people = judged.iter().filter(|agent| !agent.bot && agent.device == device).count();
        println!("{people} people's are {}", device.as_str());
    }
    assert_eq!((robots, seen.len()), (116, 558));
}

#[test]
fn odd_bytes_and_lengths_do_no_harm() {
    let agents = Agents::new(7);
    let long = [DESKTOP.as_bytes(), &b" x".repeat(40_000)].concat();
    assert!(!agents.classify(Some(&long)).bot);
    assert!(!agents.classify(Some(&[DESKTOP.as_bytes(), &[0xff, 0xe9, 0x00]].concat())).bot);
}

#[test]
fn a_prefetch_says_so() {
    for (name, value, prefetch) in [
        ("sec-purpose", "prefetch", true),
        ("sec-purpose", "prefetch;prerender", true),
        ("sec-purpose", "prefetch;anonymous-client-ip", true),
        ("purpose", "Prefetch", true),
        ("x-purpose", "preview", true),
        ("x-moz", "prefetch", true),
        ("sec-purpose", "", false),
        ("purpose", "prefetching", false),
        ("sec-fetch-dest", "prefetch", false),
    ] {
        let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
        assert_eq!(is_prefetch(&headers), prefetch, "{name}: {value}");
    }
    assert!(!is_prefetch(&HeaderMap::new()));
}

#[test]
fn what_is_seen_again_is_judged_alike() {
    let agents = Agents::new(7);
    let lines = include_str!("../../data/crawler-user-agents-seen.txt").lines().chain([DESKTOP]);
    for agent in lines.map(str::as_bytes) {
        let first = agents.judge(agent);
        for _ in 0..3 {
            assert_eq!(agents.classify(Some(agent)), first);
        }
    }
}

#[test]
fn what_it_costs() {
    let started = Instant::now();
    let agents = Agents::new(7);
    let built = started.elapsed();
    let crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
    for agent in [DESKTOP, crawler].map(str::as_bytes) {
        let cost = |what: &dyn Fn() -> Agent| {
            let started = Instant::now();
            for _ in 0..20_000 {
                std::hint::black_box(what());
            }
            started.elapsed() / 20_000
        };
        let (new, again) = (cost(&|| agents.judge(agent)), cost(&|| agents.classify(Some(agent))));
        println!("built in {built:?}; {new:?} a new user agent, {again:?} one seen before");
    }
}
