/** Somebody waits for what was typed: long works stand still meanwhile, each where its next step would begin. */
export class Precedence {
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  /** Does something that others wait for. */
  async first<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) for (const goOn of this.#waiting.splice(0)) goOn();
    }
  }

  /** What a long work asks before each step: resolves once nothing goes first. */
  readonly turn = async (): Promise<void> => {
    while (this.#underWay > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  };
}
