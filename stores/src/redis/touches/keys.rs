use crate::DeploymentId;

/// A partition's keys; the braces keep them on one node of a cluster.
pub(super) struct Keys {
    pub(super) root: String,
    pub(super) progress: String,
    pub(super) journal: String,
}

impl Keys {
    pub(super) fn new(prefix: &str, deployment: DeploymentId, partition: u32) -> Keys {
        let root = format!("{prefix}:{{{:032x}:touches:{partition}}}", deployment.0);
        Keys { progress: format!("{root}:progress"), journal: format!("{root}:journal"), root }
    }

    pub(super) fn links(&self, period: &str, bucket: u32) -> String {
        format!("{}:links:{period}:{bucket}", self.root)
    }

    pub(super) fn recent(&self, hour: &str) -> String {
        format!("{}:recent:{hour}", self.root)
    }

    pub(super) fn part(&self, name: &str) -> String {
        format!("{}:part:{name}", self.root)
    }
}
