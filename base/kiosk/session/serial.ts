import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** A line on the serial console, for whoever tests an image; most machines have none, and nobody waits for it. */
export async function say(line: string): Promise<void> {
  console.log(line);
  const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
  try {
    const serial = await open("/dev/ttyS0", O_WRONLY | O_NOCTTY | O_NONBLOCK);
    try {
      await serial.write(`\n${line}\n`);
    } finally {
      await serial.close();
    }
  } catch {
    // no such port
  }
}
