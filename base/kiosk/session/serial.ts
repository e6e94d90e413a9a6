import { constants } from "node:fs";
import { open } from "node:fs/promises";

/**
 * Write a line to the serial console, where tests of an image read it, and to the journal. Never throws: most machines have
 * no serial port.
 */
export async function writeSerialLine(line: string): Promise<void> {
  console.log(line);
  const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;
  try {
    const serial = await open("/run/fedac/serial", O_WRONLY | O_NOCTTY | O_NONBLOCK);
    try {
      await serial.write(`\n${line}\n`);
    } finally {
      await serial.close();
    }
  } catch {
    // no such port
  }
}
