//! A disk without room: what cannot be kept is put off and never acknowledged, and what was acknowledged is there afterwards.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use crate::http::Reply;
use crate::role::{Launch, Role};
use crate::servers::{Own, Place};
use crate::shop::{SETTLED, Shop};
use crate::wait::{eventually, holds};

const MIB: usize = 1 << 20;

/// A file that takes room on a small disk that only this process sees.
struct Filled(PathBuf);

impl Filled {
    /// Takes so much, or as much as there is.
    fn by(role: &Role, folder: &str, bytes: usize) -> Filled {
        let inside = role.data().join(folder).join(format!("filled-{bytes}"));
        let path = PathBuf::from(format!("/proc/{}/root{}", role.pid(), inside.display()));
        let mut file = File::create(&path).expect("a file");
        for _ in 0..bytes / MIB {
            if file.write_all(&[0; MIB]).is_err() {
                break;
            }
        }
        Filled(path)
    }
}

impl Drop for Filled {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_spool_without_room_puts_clicks_off_then_sales() {
    let own = Own::start(&[], &["kafka"]);
    let place = Place::on(&own);
    let disk = "mkdir -p \"$DATA/spool\" && mount -t tmpfs -o size=560m tmpfs \"$DATA/spool\"";
    let up = Launch::new("up", &place).set("--decision-wait-ms", 2_000).after(disk).start();
    let shop = Shop::open(&up);
    shop.await_known(&up);
    shop.click_and_sale(&up);

    own.tell("stop", &["kafka"]);
    up.await_readiness(SETTLED, 503, &["the log is away"]);
    assert_eq!(shop.click(&up).good()["tracked"], true);
    let mut sales = vec![shop.sale(&up).good()];
    // Twice as much as is to stay free for sales has to be free for clicks.
    let less = Filled::by(&up, "spool", 60 * MIB);
    let refused = |reply: Reply| holds(reply.is_put_off(), reply);
    let mut clicks = 3;
    eventually(SETTLED, "clicks are put off", || {
        let reply = shop.click(&up);
        clicks += usize::from(reply.status == 200);
        refused(reply)
    });
    sales.push(shop.sale(&up).good());
    let rest = Filled::by(&up, "spool", 260 * MIB);
    eventually(SETTLED, "sales are put off", || {
        let reply = shop.sale(&up);
        sales.extend((reply.status == 202).then(|| reply.json()["data"].take()));
        refused(reply)
    });
    up.await_readiness(SETTLED, 503, &["the log is away", "the spool is full"]);

    drop((less, rest));
    eventually(SETTLED, "clicks are taken again", || {
        let reply = shop.click(&up);
        clicks += usize::from(reply.status == 200);
        holds(reply.status == 200, reply)
    });
    own.tell("start", &["kafka"]);
    up.await_readiness(SETTLED, 200, &[]);
    for sale in &sales {
        assert_eq!(shop.decided(&up, sale)["commissionAmount"], 1000);
    }
    shop.dashboard_says(&up, clicks, sales.len() + 1);
    up.stop();
}

#[test]
fn the_embedded_shape_without_room_takes_nothing_and_then_goes_on() {
    let disk = "mkdir -p \"$DATA\" && mount -t tmpfs -o size=48m tmpfs \"$DATA\"";
    let up = Launch::embedded().after(disk).start();
    let shop = Shop::open(&up);
    shop.await_known(&up);
    shop.click_and_sale(&up);
    shop.dashboard_says(&up, 2, 1);

    let filled = Filled::by(&up, ".", 64 * MIB);
    let (mut clicks, mut put_off) = (2, 0);
    eventually(SETTLED, "clicks are put off", || {
        let reply = shop.click(&up);
        clicks += usize::from(reply.status == 200);
        put_off += usize::from(reply.is_put_off());
        assert!(reply.status == 200 || reply.is_put_off(), "{reply:?}");
        holds(put_off >= 20, reply)
    });
    let sale = shop.sale(&up);
    assert!(sale.is_put_off(), "{sale:?}");

    drop(filled);
    eventually(SETTLED, "clicks are taken again", || {
        let reply = shop.click(&up);
        clicks += usize::from(reply.status == 200);
        holds(reply.status == 200, reply)
    });
    let sale = shop.sale(&up).good();
    assert_eq!(shop.decided(&up, &sale)["commissionAmount"], 1000);
    shop.dashboard_says(&up, clicks, 2);
    up.stop();
}
