"""Facts about models carry dates; a person's own facts count for more, and the service's own dates for most."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ftb_tui.providers.base import RemoteModel
from ftb_tui.providers.catalogue import CatalogueError, load_catalogue
from ftb_tui.providers.catalogue_services import catalogue_notes
from ftb_tui.providers.registry import service_name

TODAY = datetime.date(2026, 11, 21)
MINI = "gpt-4.1-mini-2025-04-14"


def catalogue(tmp_path: Path, text: str = "") -> object:
    file = tmp_path / "catalogue.toml"
    file.write_text(text)
    return load_catalogue(file)


def test_every_price_has_its_date_and_every_source_is_named() -> None:
    for model in load_catalogue().models:
        for prices in (model.prices, model.base_prices):
            if prices is not None:
                assert prices.as_of is not None, model.name
                assert prices.source, model.name


def asking(
    name: str, *, base_model: str = "", tuned: bool = False, service: str = "openai"
) -> tuple[float | None, ...]:
    prices = load_catalogue().asking_prices(service, name, base_model=base_model, tuned=tuned)
    assert prices is not None
    return prices.input, prices.output, prices.batch_input, prices.batch_output


def test_a_base_model_has_its_own_prices_and_a_model_tuned_from_it_has_others() -> None:
    assert asking(MINI) == asking("gpt-4.1-mini") == (0.4, 1.6, 0.2, 0.8)
    tuned = (0.8, 3.2, 0.4, 1.6)
    assert asking("mine", base_model=MINI, tuned=True) == asking(f"ft:{MINI}:org:s:1", tuned=True) == tuned
    # Nobody has to say that it is tuned where the name does.
    assert asking(f"ft:{MINI}:org:s:1:ckpt-step-9") == tuned


def test_a_base_model_whose_own_price_is_not_known_is_not_given_that_of_tuned_ones(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text('[[models]]\nservice="o"\nname="x"\nprices={input=3,output=4}\nbase_prices={note="look it up"}')
    prices = load_catalogue(file).asking_prices("o", "x")
    assert prices is not None and prices.input is None


def test_a_factor_for_tuned_models_is_in_all_their_prices(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text(
        '[[models]]\nservice="google"\nname="gemini-3.5-flash"\n'
        "prices={input=1,output=4,batch_input=0.5,batch_output=2}"
    )
    facts = load_catalogue(file)
    base = facts.asking_prices("google", "gemini-3.5-flash")
    tuned = facts.asking_prices("google", "projects/1/models/2", base_model="gemini-3.5-flash", tuned=True)
    assert base is not None and (base.input, base.output) == (1, 4)
    assert tuned is not None
    assert (tuned.input, tuned.output, tuned.batch_input, tuned.batch_output) == (1.5, 6.0, 0.75, 3.0)
    assert tuned.serving_factor == 1.0


def test_openai_takes_no_job_after_its_last_day() -> None:
    openai = load_catalogue().service("openai")
    assert openai.refusal(datetime.date(2027, 1, 6)) is None
    reason = openai.refusal(datetime.date(2027, 1, 7))
    assert reason is not None and "2027-01-06" in reason
    assert load_catalogue().service("nebius").refusal(datetime.date(2030, 1, 1)) is None


def test_a_model_that_dies_soon_is_announced_with_its_days() -> None:
    model = load_catalogue().model("openai", MINI)
    assert model is not None
    assert model.days_left(TODAY) == 54
    warning = model.warning(TODAY)
    assert warning is not None and "2027-01-14" in warning and "54 days left" in warning
    assert model.warning(datetime.date(2026, 10, 15)) is None
    assert "was shut down" in (model.warning(datetime.date(2027, 1, 14)) or "")
    untuned = load_catalogue().model("openai", "gpt-5-2025-08-07")
    assert untuned is not None
    assert untuned.warning(TODAY) == "gpt-5-2025-08-07 stops answering on 2026-12-11: 20 days left."
    azure = load_catalogue().model("azure", MINI)
    assert azure is not None and azure.warning(TODAY) is None
    gemini = load_catalogue().model("google", "gemini-3.1-flash-lite")
    assert "at the earliest" in ((gemini and gemini.warning(datetime.date(2027, 4, 1))) or "")


@pytest.mark.parametrize(
    "name", [MINI, "gpt-4.1-mini", f"ft:{MINI}:org:s:1", f"ft:{MINI}:org:s:1:ckpt-step-9", f"{MINI}.ft-b044"]
)
def test_a_tuned_model_or_an_alias_has_its_base_models_facts(name: str) -> None:
    found = load_catalogue().model("openai", name)
    assert found is not None and found.name == MINI


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", 0.40),
        ("Qwen/Qwen2.5-1.5B", 0.40),
        ("meta-llama/Llama-3.1-8B-Instruct-LoRa:mine-70b", 0.40),
        ("meta-llama/Llama-3.3-70B-Instruct", None),
        ("openai/gpt-oss-20b", None),
        ("Qwen/Qwen3-30B-A3B", None),
        ("mistralai/Mixtral-8x7B-v0.1", None),
        ("deepseek-ai/DeepSeek-V3", None),
        ("7B-lab/whatever", None),
    ],
)
def test_a_price_of_small_models_is_nobody_elses(model: str, price: float | None) -> None:
    facts = load_catalogue()
    assert facts.model("nebius", model) is None
    prices = facts.prices("nebius", model)
    assert prices is not None and (prices.training, "20 billion" in prices.note) == (price, True)


def test_a_persons_own_price_holds_for_models_of_every_size(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.toml"
    file.write_text("[services.nebius.prices]\ntraining = 2.8\n")
    prices = load_catalogue(file).prices("nebius", "meta-llama/Llama-3.3-70B-Instruct")
    assert prices is not None and prices.training == 2.8


def test_a_model_nobody_wrote_about_has_no_facts() -> None:
    facts = load_catalogue()
    assert facts.prices("azure", MINI) is None
    assert facts.service("nowhere").limits.min_examples is None


def test_a_persons_own_file_changes_only_what_it_says(tmp_path: Path) -> None:
    text = f"""
        [[models]]
        service = "openai"
        name = "{MINI}"
        prices = {{ training = 7.5 }}
        [[models]]
        service = "my-server"
        name = "mine"
        prices = {{ input = 1.0, output = 2.0, as_of = 2026-12-01 }}
        [services.openai]
        last_day_of_new_jobs = 2027-03-01
    """
    file = tmp_path / "catalogue.toml"
    file.write_text(text)
    facts = load_catalogue(file)
    prices = facts.prices("openai", MINI)
    assert prices is not None
    assert (prices.training, prices.output, prices.source, prices.as_of) == (7.5, 3.2, str(file), None)
    model = facts.model("openai", MINI)
    assert model is not None and model.shutdown == datetime.date(2027, 1, 14)
    assert facts.service("openai").refusal(datetime.date(2027, 2, 1)) is None
    assert facts.service("openai").limits.min_examples == 10
    mine = facts.prices("my-server", "mine")
    assert mine is not None and mine.output == 2.0


@pytest.mark.parametrize(
    ("text", "needle"),
    [
        ("[[models]]\nservice='openai'\nname='x'\nprice=3", "price in models entry 1 is not known"),
        ("[[models]]\nservice='openai'", "entry 1 needs service and name"),
        ("[[models]]\nservice='o'\nname='x'\nshutdown='2027-01-01'", "must be a date"),
        ("[[models]]\nservice='o'\nname='x'\nprices={training='3'}", "training in models entry 1.prices"),
        ("[[models]]\nservice='o'\nname='x'\nprices={training=-1}", "not negative"),
        ("[[models]]\nservice='o'\nname='x'\nprices={training=inf}", "training in models entry 1.prices"),
        ("[[models]]\nservice='o'\nname='x'\nprices={training=nan}", "training in models entry 1.prices"),
        ("[services.openai]\nlimit = 3", "limit in services.openai"),
        ("[[models]]\nservice='o'\nname='x'\nbase_prices={training=1}", "training in models entry 1.base_prices"),
        ("[models]\nx = 1", "a list of tables"),
        ("models = ", "catalogue.toml"),
    ],
)
def test_a_fault_in_a_persons_file_is_named_by_file_and_key(tmp_path: Path, text: str, needle: str) -> None:
    with pytest.raises(CatalogueError, match=r"catalogue\.toml") as caught:
        catalogue(tmp_path, text)
    assert needle in str(caught.value)


def test_the_services_own_dates_count_for_more() -> None:
    answered = [
        RemoteModel(MINI, shutdown_date="2027-02-28"),
        RemoteModel("gpt-new", shutdown_date="2028-01-01"),
        RemoteModel("gpt-4.1-2025-04-14", shutdown_date="soon"),
    ]
    facts = load_catalogue().with_answers("openai", answered)
    dates = {name: (facts.model("openai", name) or pytest.fail(name)).shutdown for name in (MINI, "gpt-new")}
    assert dates == {MINI: datetime.date(2027, 2, 28), "gpt-new": datetime.date(2028, 1, 1)}
    kept = facts.model("openai", "gpt-4.1-2025-04-14")
    assert kept is not None and kept.shutdown == datetime.date(2027, 1, 14)


@pytest.fixture
def lab(home: Path) -> Path:
    """The person's catalogue, with a provider `lab` of OpenAI's dialect and a mere server `mine`."""
    (home / "config").mkdir(parents=True)
    (home / "config" / "config.toml").write_text(
        '[providers.lab]\ndialect = "openai"\nbase_url = "https://lab.example/v1"\n'
        '[providers.mine]\nbase_url = "https://mine.example/v1"\n'
    )
    return home / "config" / "catalogue.toml"


def test_an_entry_by_a_providers_own_name_holds_for_it_alone_and_leaves_it_what_its_service_has(lab: Path) -> None:
    assert (service_name("lab"), service_name("mine")) == ("openai", "mine")
    lab.write_text(
        f'[[models]]\nservice = "lab"\nname = "{MINI}"\nprices = {{ training = 1.0 }}\n'
        "[services.lab.limits]\nmin_examples = 3\n"
    )
    facts = load_catalogue()
    assert service_name("lab") == "lab"
    model, other = facts.model("lab", MINI), facts.model("lab", "gpt-4.1")
    assert model is not None and model.prices is not None and other is not None
    assert (model.prices.training, model.prices.output, model.shutdown) == (1.0, 3.2, datetime.date(2027, 1, 14))
    assert other.name == "gpt-4.1-2025-04-14"
    assert (facts.service("lab").limits.min_examples, facts.service("lab").limits.max_epochs) == (3, 50)
    theirs = facts.prices("openai", MINI)
    assert theirs is not None and theirs.training == 5.0
    assert facts.service("openai").limits.min_examples == 10


def test_what_is_said_of_nobody_is_told(lab: Path) -> None:
    lab.write_text(
        "".join(f'[[models]]\nservice = "{name}"\nname = "x"\n' for name in ("lab", "mine", "openai", "custom", "lap"))
    )
    custom, lap = catalogue_notes()
    assert "service 'custom' holds for nobody" in custom
    assert "service 'lap' holds for nobody" in lap
    assert "lab, " in lap and str(lab) in lap
