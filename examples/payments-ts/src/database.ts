// PostgreSQL: each statement is one transaction.
import pg from "pg";
import { Failure } from "./failures.js";

export type Row = Record<string, string | null>;

// Every limit is shorter than an attempt, so that no statement of a timed-out attempt goes on unnoticed. The last one ends
// the wait for a server that has vanished.
const LIMITS = { statement_timeout: 4_000, lock_timeout: 3_000, query_timeout: 4_500 };
// Of integers and JSON the text is kept: a bigint may be more than a number of JavaScript can hold.
const AS_TEXT = { getTypeParser: () => (text: string) => text };

export class Database {
  readonly #pool: pg.Pool;

  constructor(connectionString: string) {
    this.#pool = new pg.Pool({ connectionString, max: 10, connectionTimeoutMillis: 3_000, ...LIMITS });
    this.#pool.on("error", () => {}); // an idle connection was lost: the pool opens another one when it is needed
  }

  /** Runs one statement and returns its first row; throws NotBegun when it did not reach the database. */
  async row(text: string, values: unknown[]): Promise<Row | undefined> {
    const client = await this.#pool.connect().catch((error: Error) => {
      throw new Failure("NotBegun", `database: ${error.message}`);
    });
    let broken = true;
    try {
      const found = await client.query<Row>({ text, values, types: AS_TEXT as pg.CustomTypesConfig });
      broken = false;
      return found.rows[0];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // A refused statement leaves the connection usable; a lost connection has no code of five characters.
      broken = !(error instanceof pg.DatabaseError);
      throw new Failure("Unavailable", `database: ${error.message}`);
    } finally {
      client.release(broken);
    }
  }

  async close(): Promise<void> {
    await this.#pool.end();
  }
}
