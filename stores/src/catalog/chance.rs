use crate::OpenError;

/// What a first start is made of.
pub(crate) struct Chance {
    pub(crate) deployment: [u8; 16],
    pub(crate) id_key: [u8; 16],
    pub(crate) person_key: [u8; 16],
    pub(crate) jwt_key: [u8; 32],
}

impl Chance {
    pub(crate) fn draw() -> Result<Chance, OpenError> {
        let mut chance = Chance { deployment: [0; 16], id_key: [0; 16], person_key: [0; 16], jwt_key: [0; 32] };
        for bytes in [&mut chance.deployment[..], &mut chance.id_key, &mut chance.person_key, &mut chance.jwt_key] {
            getrandom::fill(bytes).map_err(OpenError::Random)?;
        }
        Ok(chance)
    }
}
