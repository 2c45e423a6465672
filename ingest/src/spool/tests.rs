mod damage;
mod draining;
mod durable;
mod edge;
mod full;
mod outage;
mod scene;
mod turning;
