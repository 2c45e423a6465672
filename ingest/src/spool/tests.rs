mod damage;
mod draining;
mod durable;
mod edge;
mod full;
mod scene;
mod turning;
