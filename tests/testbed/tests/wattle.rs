//! Running, watching and ending a program, with the shell in the program's place.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use anyhow::Result;
use wattle_testbed::{Launch, Wattle};

const LIMIT: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Launch {
    Wattle::at("/bin/sh").args(["-c", script])
}

#[tokio::test]
async fn a_run_gives_status_and_both_streams() -> Result<()> {
    let folder = std::env::temp_dir().canonicalize()?;
    let script = "pwd; echo \"$NAME\"; echo trouble >&2; exit 3";
    let finished = shell(script).env("NAME", "value").cwd(&folder).run(LIMIT).await?;
    assert_eq!(finished.status.code(), Some(3));
    assert_eq!(finished.stdout, format!("{}\nvalue\n", folder.display()));
    assert_eq!(finished.stderr, "trouble\n");
    assert!(format!("{:#}", finished.success().unwrap_err()).contains("trouble"));
    assert_eq!(shell("echo fine").run(LIMIT).await?.success()?, "fine\n");
    Ok(())
}

#[tokio::test]
async fn lines_are_found_before_and_after_they_are_written() -> Result<()> {
    let program =
        shell("echo one; trap 'echo one more; exit 0' TERM; echo ready >&2; while :; do sleep 0.01; done")
            .start()?;
    program.line("ready", LIMIT).await?;
    assert_eq!(program.line("one", LIMIT).await?, "one");
    let mark = program.mark();
    program.terminate()?;
    assert_eq!(program.line_after(mark, "one", LIMIT).await?, "one more");
    assert!(program.exit(LIMIT).await?.success());
    let failure = program.line("never", LIMIT).await.unwrap_err().to_string();
    assert!(failure.contains("ended without") && failure.contains("one more"), "{failure}");
    assert!(program.terminate().is_err());
    Ok(())
}

#[tokio::test]
async fn a_kill_takes_the_children_too() -> Result<()> {
    let program = shell("sleep 1000 & echo child; wait").start()?;
    program.line("child", LIMIT).await?;
    program.kill()?;
    assert_eq!(program.exit(LIMIT).await?.signal(), Some(9));
    // The child holds the pipe of the output open for as long as it lives.
    let failure = program.line("never", LIMIT).await.unwrap_err().to_string();
    assert!(failure.contains("ended without"), "{failure}");
    Ok(())
}

#[tokio::test]
async fn a_frozen_program_writes_nothing_until_thawed() -> Result<()> {
    let program = shell("while :; do echo tick; sleep 0.01; done").start()?;
    program.line("tick", LIMIT).await?;
    program.freeze()?;
    // The stop is delivered before the next line or after it, so the place to look from is taken once output rests.
    let mut mark = program.mark();
    while program.line_after(mark, "tick", Duration::from_millis(200)).await.is_ok() {
        mark += 1;
    }
    assert!(program.is_running());
    program.thaw()?;
    program.line_after(mark, "tick", LIMIT).await?;
    program.kill()?;
    program.exit(LIMIT).await?;
    assert!(!program.is_running());
    Ok(())
}

#[tokio::test]
async fn a_dropped_program_is_dead() -> Result<()> {
    let program = shell("echo up; sleep 1000").start()?;
    program.line("up", LIMIT).await?;
    let id = program.id();
    program.freeze()?;
    drop(program);
    assert!(!shell(&format!("kill -0 {id}")).run(LIMIT).await?.status.success());
    Ok(())
}

#[tokio::test]
async fn a_program_that_does_not_end_is_reported_with_its_output() -> Result<()> {
    let program = shell("echo still here; sleep 1000").start()?;
    program.line("still here", LIMIT).await?;
    let failure = format!("{:#}", program.exit(Duration::from_millis(50)).await.unwrap_err());
    assert!(failure.contains("still here") && failure.contains("still runs"), "{failure}");
    Ok(())
}
